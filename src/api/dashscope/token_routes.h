// POST /api/v1/tokens: a key for some minutes, with the rights of the one that asks, for a place that must not have it.
#pragma once

#include <functional>
#include <string>

#include "http/router.h"
#include "keys/key_ring.h"

namespace studio::api::dashscope {

inline constexpr int64_t kLentSeconds = 60;  // where none are said: the vendor's own

struct TokenDesk {
  std::function<Result<keys::LentKey>(const std::string& key_id, int64_t seconds)> lend;  // any thread
  std::function<bool(const http::Request&)> is_lent;  // such a request comes by a temporary key
};

void add_token_routes(const TokenDesk& desk, http::Router& router);

}  // namespace studio::api::dashscope
