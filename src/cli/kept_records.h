// Records of kept answers as the gateway wants them, on top of the store.
#pragma once

#include <memory>

#include "api/kept/records.h"
#include "store/store.h"

namespace studio::cli {

std::shared_ptr<api::KeptRecords> make_kept_records(std::shared_ptr<store::Store> store);

}  // namespace studio::cli
