// What every HTTP request of a pull has in common.
//
// https stays https through every redirect; http is taken only where the address was given as http. Unless
// `allow_private`, no connection is made to loopback, private or link-local addresses, whatever a name or a redirect
// resolves to. A bearer token is never sent to another host than the first. Bodies are taken as they are, never
// decompressed.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "catalogue/http_answer.h"

namespace studio::catalogue {

struct FetchRequest {
  std::string url;
  std::string bearer;                             // empty: none
  bool allow_private = false;                     // the user named this very host
  bool is_digest_known = false;                   // versions that nothing else tells apart may be joined: it will tell
  int64_t expected_bytes = 0;                     // 0: unknown; another length is an error
  std::chrono::milliseconds first_answer{4'500};  // to the head of the answer; later waits may be longer
};

std::string host_of(const std::string& url);  // with its port

// One GET with redirects followed; what is done with it is added by the owner through handle(). Not movable: libcurl
// keeps pointers to it. `request` outlives it.
class HttpRequest {
 public:
  explicit HttpRequest(const FetchRequest& request);
  HttpRequest(const HttpRequest&) = delete;
  HttpRequest& operator=(const HttpRequest&) = delete;
  ~HttpRequest();

  CURL* handle() const { return handle_; }  // null: libcurl cannot be set up
  const HttpAnswer& answer() const { return answer_; }
  // For libcurl's own reasons; `is_late`: the owner ended it because no answer came.
  Error error_of(CURLcode code, bool is_late) const;

 private:
  static size_t on_header(char* data, size_t, size_t count, void* self);

  const FetchRequest& request_;
  CURL* handle_;
  bool must_be_public_;
  HttpAnswer answer_;
};

}  // namespace studio::catalogue
