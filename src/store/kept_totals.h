// How much of a kind each key keeps. The schema's triggers count it in the commit that changes it (migrations.cc), so
// a look costs one row, however much there is.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "store/sqlite.h"

namespace studio::store {

struct KeptTotals {
  int64_t count = 0;
  int64_t bytes = 0;  // of the texts that clients can make large
};

// On disk: never reuse one.
inline constexpr std::string_view kResponsesKind = "responses";
inline constexpr std::string_view kConversationsKind = "conversations";  // bytes are those of their items

Result<KeptTotals> kept_totals(Connection& connection, std::string_view key_id, std::string_view kind);

}  // namespace studio::store
