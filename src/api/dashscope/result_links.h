// Addresses of results that need no key: whoever has one may read that file for an hour, as clients expect of `url`.
//
// An address names the task, its owner and its end, under an HMAC of them; the secret lives as long as this process. A
// task that is asked for again has a new address, so none needs to outlive a restart.
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace studio::api::dashscope {

// Long enough for a file of some gigabytes over a slow line to have begun.
inline constexpr int64_t kLinkSeconds = 60 * 60;

class ResultLinks {
 public:
  ResultLinks();
  // At the host that `request` was sent to. `now` in Unix seconds.
  std::string link(const http::Request& request, const std::string& owner, const std::string& task_id,
                   int64_t now) const;
  // The owner whose task it is. Errors: permission_denied.
  Result<std::string> owner_of(std::string_view query, const std::string& task_id, int64_t now) const;

 private:
  std::string signature(const std::string& owner, const std::string& task_id, const std::string& expires) const;
  const std::string secret_;
};

}  // namespace studio::api::dashscope
