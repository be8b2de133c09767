// One HTTP request of a command: its answer's body goes to `on_body` piece by piece.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::cli {

enum class Reach {
  kAnywhere,   // any address, through libcurl: TLS, proxies, redirects refused
  kOwnServer,  // a server in this process, by our own client: nothing has to be loaded for it first
};

struct Exchange {
  std::string url, key;
  Reach reach = Reach::kAnywhere;
  std::string body;                      // one makes it a POST
  std::string method = {};               // empty: as the body says
  std::vector<std::string> fields = {};  // more of the head, "name: value"; of other servers' requests alone
  long timeout_ms = 0;                   // of all of it; 0: as long as it takes
  std::function<bool(std::string_view bytes, long status)> on_body;  // false ends it; on a thread of its own, maybe
  const std::atomic<bool>* stop = nullptr;                           // true ends it

  long status = 0;  // of the answer
  // Errors: cancelled by `stop`; unavailable where there is no whole answer.
  Status run();

 private:
  Status run_anywhere();
  Status run_at_own_server();
};

}  // namespace studio::cli
