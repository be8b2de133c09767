// What dialects say alike: when to come back, and what time it was.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace studio::api {

// Retry-After in whole seconds, where the error says it, or its status is one that clients try again after.
void add_retry_after(const Error& error, http::Response& response);

// "2026-11-26T12:00:00.123456Z", RFC 3339 with microseconds.
std::string utc_time(std::chrono::system_clock::time_point time);

}  // namespace studio::api
