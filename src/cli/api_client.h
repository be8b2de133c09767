// A client of the OpenAI API, ours or another's: what `studio chat` and `studio run` talk through.
//
// Threads: one call at a time. A call ends early when `stop` becomes true (set from a signal handler, say).
#pragma once

#include <atomic>
#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/exchange.h"
#include "keys/key_ring.h"

namespace studio::cli {

struct ChatDelta {
  std::string content, reasoning;
};

struct ChatAnswer {
  std::string content;
  std::string finish_reason;
  int64_t prompt_tokens = 0, completion_tokens = 0;
  bool was_stopped = false;  // by `stop`
};

class ApiClient {
 public:
  // base_url as SDKs take it: "http://127.0.0.1:8080/v1"; without a path /v1 is added.
  ApiClient(std::string base_url, std::string key, Reach reach = Reach::kAnywhere);

  Result<std::vector<std::string>> models();
  // Both stream. Errors: those of the server by its code, unavailable when there is none.
  Result<ChatAnswer> chat(const boost::json::object& body, const std::function<void(const ChatDelta&)>& on_delta,
                          const std::atomic<bool>& stop);
  // Of a prompt without turns: what follows it comes as content.
  Result<ChatAnswer> complete(const boost::json::object& body, const std::function<void(const ChatDelta&)>& on_delta,
                              const std::atomic<bool>& stop);
  // A link that logs a browser in to the server's console, once.
  Result<std::string> console_link();
  // The server's keys, for who presents its own: api/console/key_routes.h.
  Result<std::vector<keys::KeyInfo>> list_keys();
  Result<keys::NewKey> make_key(const std::string& name);
  Status revoke_key(const std::string& key_id);
  // The server's adapters: api/console/adapter_routes.h.
  Status add_adapter(const std::string& model, const std::string& name);
  Status remove_adapter(const std::string& full_name);
  // The text of /metrics, which stands beside the API's path. Errors as above.
  Result<std::string> metrics();
  // True when something answers there within the time.
  bool is_alive(long timeout_ms);

  const std::string& base_url() const { return base_url_; }

 private:
  std::string origin() const;
  Result<ChatAnswer> stream(const char* path, const boost::json::object& body,
                            const std::function<void(const ChatDelta&)>& on_delta, const std::atomic<bool>& stop);
  // A short answer from beside the API's path.
  Result<std::string> fetch(const char* method, const std::string& path, const std::string& body = "",
                            long timeout_ms = 10'000);

  std::string base_url_, key_;
  Reach reach_;
};

}  // namespace studio::cli
