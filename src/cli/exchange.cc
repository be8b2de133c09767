#include "cli/exchange.h"

#include <curl/curl.h>

#include <chrono>
#include <future>
#include <memory>

#include "http/client.h"

namespace studio::cli {
namespace {

using std::chrono::milliseconds;

constexpr long kConnectMs = 5'000;
constexpr milliseconds kLookEvery{20};              // whether it is to end; an answer's end is noticed at once
constexpr milliseconds kLongestSilence{3'600'000};  // our server sends heartbeats; a debugger may hold it

struct CloseCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// What libcurl's callbacks are given.
struct Running {
  Exchange& exchange;
  CURL* curl;

  static size_t on_bytes(char* data, size_t, size_t count, void* self) {
    auto& running = *static_cast<Running*>(self);
    curl_easy_getinfo(running.curl, CURLINFO_RESPONSE_CODE, &running.exchange.status);
    return running.exchange.on_body({data, count}, running.exchange.status) ? count : CURL_WRITEFUNC_ERROR;
  }
  static int on_tick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& exchange = static_cast<Running*>(self)->exchange;
    return exchange.stop && exchange.stop->load();
  }
};

Error no_answer(const std::string& url, const std::string& why) {
  return Error(Code::kUnavailable, "no answer from " + url + ": " + why);
}

}  // namespace

Status Exchange::run() {
  return reach == Reach::kOwnServer ? run_at_own_server() : run_anywhere();
}

Status Exchange::run_anywhere() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::unique_ptr<CURL, CloseCurl> handle(started == CURLE_OK ? curl_easy_init() : nullptr);
  if (!handle) return Error(Code::kInternal, "the HTTP client cannot be set up");
  CURL* curl = handle.get();
  Running running{*this, curl};
  std::string authorization = "Authorization: Bearer " + key;
  std::unique_ptr<curl_slist, FreeList> head(curl_slist_append(nullptr, "Content-Type: application/json"));
  if (!key.empty()) curl_slist_append(head.get(), authorization.c_str());
  curl_slist_append(head.get(), "Expect:");  // no round trip before the body
  for (const std::string& field : fields) curl_slist_append(head.get(), field.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head.get());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  if (timeout_ms > 0) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Running::on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &running);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, Running::on_tick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &running);
  if (!body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  }
  if (!method.empty()) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK) return Ok{};
  if (stop && stop->load()) return Error(Code::kCancelled, "stopped");
  return no_answer(url, curl_easy_strerror(code));
}

Status Exchange::run_at_own_server() {
  const size_t path = url.find('/', url.find("://") + 3);
  STUDIO_TRY(auto endpoint, http::Endpoint::parse_url(url.substr(0, path)));
  http::ClientRequest request;
  request.method = http::parse_method(!method.empty() ? method : body.empty() ? "GET" : "POST");
  request.target = path == std::string::npos ? "/" : url.substr(path);
  request.fields.add("Content-Type", "application/json");
  if (!key.empty()) request.fields.add("Authorization", "Bearer " + key);
  request.body = body;
  request.idle_timeout = kLongestSilence;

  std::atomic<bool> is_refused{false};  // by on_body
  std::promise<Status> ended;
  auto end = ended.get_future();
  http::ClientEvents events;
  events.on_head = [this](const http::ResponseHead& head) { status = head.status; };
  events.on_data = [&](std::string_view bytes) {
    if (!is_refused && !on_body(bytes, status)) is_refused = true;
  };
  events.on_end = [&](Status how) { ended.set_value(std::move(how)); };
  http::Client client(std::move(endpoint));
  const auto until = std::chrono::steady_clock::now() + milliseconds(timeout_ms);
  const auto call = client.start(std::move(request), std::move(events));
  bool is_late = false;
  while (end.wait_for(kLookEvery) != std::future_status::ready) {
    is_late = timeout_ms > 0 && std::chrono::steady_clock::now() >= until;
    if (is_refused || is_late || (stop && stop->load())) call->cancel();
  }
  const Status how = end.get();
  if (how.ok() && !is_refused) return Ok{};
  if (stop && stop->load()) return Error(Code::kCancelled, "stopped");
  if (is_refused) return no_answer(url, "what it sends is not what was asked for");
  return no_answer(url, is_late ? "it takes too long" : how.error().message());
}

}  // namespace studio::cli
