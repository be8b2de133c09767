// What a request used, as the store keeps it.
#pragma once

#include "inference/usage.h"
#include "store/store.h"

namespace studio::api {

store::Usage stored_usage(const inference::UsageRecord& record);

}  // namespace studio::api
