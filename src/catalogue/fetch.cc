#include "catalogue/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

namespace studio::catalogue {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxBarrenTries = 5;  // tries in a row that brought no byte
constexpr long kMaxRedirects = 5;   // hubs use one or two
constexpr long kStallSeconds = 20;  // without a byte: taken for cut, and resumed
constexpr size_t kMaxHeaderLine = 8 << 10;
constexpr const char* kUserAgent = "studio/0.1";

struct CloseCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Curl = std::unique_ptr<CURL, CloseCurl>;

Curl new_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);  // once; thread-safe by the language
  return started == CURLE_OK ? Curl(curl_easy_init()) : nullptr;
}

bool is_public(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    uint32_t ip = ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
    auto in = [&](uint32_t net, int bits) { return (ip >> (32 - bits)) == (net >> (32 - bits)); };
    return !(
        in(0x00000000, 8) || in(0x0A000000, 8) || in(0x64400000, 10) || in(0x7F000000, 8) ||   // this, 10, CGNAT, lo
        in(0xA9FE0000, 16) || in(0xAC100000, 12) || in(0xC0A80000, 16) || in(0xE0000000, 3));  // link, 172.16, 192.168
  }
  if (address->sa_family != AF_INET6) return false;
  // Global unicast is 2000::/3; inside it 6to4 (2002::/16) and Teredo (2001::/32) carry IPv4 addresses.
  const uint8_t* ip = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr;
  bool carries_v4 = (ip[0] == 0x20 && ip[1] == 0x02) || (ip[0] == 0x20 && ip[1] == 0x01 && ip[2] == 0 && ip[3] == 0);
  return (ip[0] & 0xE0) == 0x20 && !carries_v4;
}

bool behind_proxy(const std::string& url) {
  // With a proxy the only connection is the one to it, and it resolves names: there is no address here to check.
  for (const char* name : {url.starts_with("https") ? "https_proxy" : "http_proxy",
                           url.starts_with("https") ? "HTTPS_PROXY" : "http_proxy", "all_proxy", "ALL_PROXY"}) {
    const char* value = std::getenv(name);
    if (value && *value) return true;
  }
  return false;
}

curl_socket_t open_checked_socket(void* opaque, curlsocktype, curl_sockaddr* address) {
  bool must_be_public = *static_cast<bool*>(opaque);
  if (must_be_public && !is_public(&address->addr)) return CURL_SOCKET_BAD;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::optional<int64_t> number_of(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// The answer's headers. Those of redirects are dropped, but for what hubs tell about the file behind them.
struct Headers {
  bool answered = false;
  long status = 0;
  int64_t length = -1;                         // Content-Length
  int64_t range_start = -1, range_total = -1;  // Content-Range
  std::string etag, linked_etag;
  int64_t linked_size = -1;

  void line(std::string_view text) {
    if (text.size() > kMaxHeaderLine) return;
    if (text.starts_with("HTTP/")) {
      answered = true;
      status = 0;
      length = range_start = range_total = -1;
      etag.clear();
      size_t space = text.find(' ');
      if (space != std::string_view::npos) status = number_of(text.substr(space + 1, 3)).value_or(0);
      return;
    }
    size_t colon = text.find(':');
    if (colon == std::string_view::npos) return;
    std::string name = lower(text.substr(0, colon));
    std::string_view value = trimmed(text.substr(colon + 1));
    if (name == "content-length") length = number_of(value).value_or(-1);
    if (name == "etag") etag = value;
    if (name == "x-linked-etag") linked_etag = value;
    if (name == "x-linked-size") linked_size = number_of(value).value_or(-1);
    if (name == "content-range" && value.starts_with("bytes ")) {  // bytes 5-9/10
      value.remove_prefix(6);
      size_t dash = value.find('-'), slash = value.find('/');
      if (dash == std::string_view::npos || slash == std::string_view::npos) return;
      range_start = number_of(value.substr(0, dash)).value_or(-1);
      range_total = number_of(value.substr(slash + 1)).value_or(-1);
    }
  }

  Validators validators() const {
    Validators found;
    found.etag = linked_etag.empty() ? etag : linked_etag;
    std::string bare = found.etag.starts_with("W/") ? found.etag.substr(2) : found.etag;
    if (bare.size() >= 2 && bare.front() == '"' && bare.back() == '"') bare = bare.substr(1, bare.size() - 2);
    if (bare.size() == 64 && bare.find_first_not_of("0123456789abcdef") == std::string::npos) found.sha256 = bare;
    found.bytes = status == 206 ? range_total : (linked_size >= 0 ? linked_size : (status == 200 ? length : -1));
    return found;
  }
};

std::string host_of(const std::string& url) {
  size_t start = url.find("://");
  start = start == std::string::npos ? 0 : start + 3;
  return url.substr(start, url.find('/', start) - start);
}

// One request and what came of it.
class Transfer {
 public:
  Transfer(const FetchRequest& request, PartialFile* file, const std::function<void(int64_t, int64_t)>* on_bytes)
      : request_(request), file_(file), on_bytes_(on_bytes) {}

  // Ok: the request ran to its end, whatever its status. Otherwise unavailable, or the file's own error.
  Status run();
  const Headers& headers() const { return headers_; }
  bool file_changed() const { return file_changed_; }

 private:
  void set_options(CURL* curl);
  bool begin_body();

  static size_t on_header(char* data, size_t, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.headers_.line(trimmed({data, count}));
    return count;
  }
  static size_t on_body(char* data, size_t, size_t count, void* self);
  static int on_tick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    bool is_late = Clock::now() - transfer.start_ > transfer.request_.first_answer;
    return is_late && !transfer.headers_.answered;  // not 0 ends the transfer
  }

  const FetchRequest& request_;
  PartialFile* file_;  // null: headers only
  const std::function<void(int64_t, int64_t)>* on_bytes_;
  Clock::time_point start_ = Clock::now();
  Headers headers_;
  bool must_be_public_ = false;
  bool in_body_ = false, file_changed_ = false;
  std::optional<Error> file_error_;
};

void Transfer::set_options(CURL* curl) {
  must_be_public_ = !request_.allow_private && !behind_proxy(request_.url);
  bool is_https = request_.url.starts_with("https://");
  curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_https ? "https" : "http");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, kUserAgent);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer must not hold us up
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.first_answer.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_checked_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &must_be_public_);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  if (!request_.bearer.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request_.bearer.c_str());
  }
  if (!file_) {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
  if (file_->size() > 0) curl_easy_setopt(curl, CURLOPT_RANGE, (std::to_string(file_->size()) + "-").c_str());
}

Status Transfer::run() {
  Curl curl = new_curl();
  if (!curl) return Error(Code::kInternal, "the HTTP client cannot be set up");
  set_options(curl.get());
  CURLcode code = curl_easy_perform(curl.get());
  if (file_error_) return *file_error_;
  if (code == CURLE_OK || file_changed_) return Ok{};
  std::string host = host_of(request_.url);
  if (code == CURLE_ABORTED_BY_CALLBACK || (code == CURLE_OPERATION_TIMEDOUT && !headers_.answered)) {
    return Error(Code::kUnavailable, host + " did not answer in time");
  }
  if (code == CURLE_UNSUPPORTED_PROTOCOL) {
    return Error(Code::kPermissionDenied, host + " redirects away from https, which is not followed");
  }
  if (code == CURLE_COULDNT_CONNECT && must_be_public_) {
    return Error(Code::kUnavailable, host + " cannot be reached (private addresses are not followed)");
  }
  return Error(Code::kUnavailable, host + ": " + curl_easy_strerror(code));
}

size_t Transfer::on_body(char* data, size_t, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const Headers& headers = transfer.headers_;
  if (headers.status != 200 && headers.status != 206) return count;  // the text of a redirect or an error
  if (!transfer.in_body_ && !transfer.begin_body()) return CURL_WRITEFUNC_ERROR;
  transfer.in_body_ = true;

  PartialFile& file = *transfer.file_;
  int64_t total = file.validators().bytes;
  if (file.size() + static_cast<int64_t>(count) > total) {
    transfer.file_error_ = Error(Code::kCorruptData, host_of(transfer.request_.url) + " sends more than it announced");
    return CURL_WRITEFUNC_ERROR;
  }
  Status status = file.append({data, count});
  if (!status.ok()) {
    transfer.file_error_ = std::move(status).error();
    return CURL_WRITEFUNC_ERROR;
  }
  (*transfer.on_bytes_)(file.size(), total);
  return count;
}

// Before the first byte: is this the continuation of what is there? False ends the transfer.
bool Transfer::begin_body() {
  Validators now = headers_.validators();
  auto fail = [&](Status status) {
    if (!status.ok()) file_error_ = std::move(status).error();
    return status.ok();
  };
  if (request_.expected_bytes > 0 && now.bytes >= 0 && now.bytes != request_.expected_bytes) {
    file_error_ =
        Error(Code::kCorruptData, host_of(request_.url) + " has a file of " + std::to_string(now.bytes) +
                                      " bytes where " + std::to_string(request_.expected_bytes) + " are expected");
    return false;
  }
  // Every body has a bound: where its sender names none, the catalogue's.
  if (now.bytes < 0 && request_.expected_bytes > 0) now.bytes = request_.expected_bytes;
  if (now.bytes < 0) {
    file_error_ = Error(Code::kCorruptData,
                        host_of(request_.url) + " does not say the file's length, so that whole and half look alike");
    return false;
  }
  const Validators& before = file_->validators();
  bool is_continuation = headers_.status == 206 && headers_.range_start == file_->size();
  bool is_same = before.bytes == now.bytes && before.etag == now.etag;
  if (headers_.status == 206 && !(is_continuation && is_same)) {
    file_changed_ = true;
    return false;
  }
  if (headers_.status == 200 && file_->size() > 0 && !fail(file_->restart())) return false;  // ranges are not its thing
  return headers_.status == 206 || fail(file_->remember(now));
}

Error error_of_status(long status, const std::string& url) {
  std::string host = host_of(url);
  switch (status) {
    case 401:
    case 403:
      return Error(Code::kPermissionDenied, host + " refuses the file (HTTP " + std::to_string(status) +
                                                "); a gated model needs its licence accepted there and HF_TOKEN set");
    case 404:
    case 410:
      return Error(Code::kNotFound, host + " does not have the file (HTTP " + std::to_string(status) + ")");
    default:
      return Error(Code::kUnavailable, host + " answers HTTP " + std::to_string(status));
  }
}

bool is_worth_another_try(const Error& error) {
  return error.code() == Code::kUnavailable;
}

bool is_whole(const PartialFile& file) {
  return file.validators().bytes >= 0 && file.size() == file.validators().bytes;
}

// One try. Ok(true): the file is whole.
Result<bool> try_once(const FetchRequest& request, PartialFile& file,
                      const std::function<void(int64_t, int64_t)>& on_bytes) {
  Transfer transfer(request, &file, &on_bytes);
  STUDIO_CHECK_OK(transfer.run());
  long status = transfer.headers().status;
  if (transfer.file_changed() || status == 416) {
    STUDIO_CHECK_OK(file.restart());
    return false;
  }
  if (status != 200 && status != 206) return error_of_status(status, request.url);
  return is_whole(file);
}

}  // namespace

Status fetch(const FetchRequest& request, PartialFile& file,
             const std::function<void(int64_t done, int64_t total)>& on_bytes) {
  if (is_whole(file)) return Ok{};
  // Progress is what goes past all that was ever had: a server that makes us start anew again and again gives none.
  int64_t furthest = file.size();
  for (int barren = 0;;) {
    auto is_done = try_once(request, file, on_bytes);
    if (is_done.ok() && *is_done) return Ok{};
    if (!is_done.ok() && !is_worth_another_try(is_done.error())) return is_done.error();
    barren = file.size() > furthest ? 0 : barren + 1;
    furthest = std::max(furthest, file.size());
    // The first answer decides whether this server is there at all: others may be waiting their turn.
    bool never_answered = !is_done.ok() && file.size() == 0;
    if (barren >= (never_answered ? 2 : kMaxBarrenTries)) {
      return is_done.ok() ? Error(Code::kUnavailable, host_of(request.url) + " changes the file under our hands")
                          : is_done.error();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100 << barren));
  }
}

Result<Validators> probe(const FetchRequest& request) {
  Transfer transfer(request, nullptr, nullptr);
  STUDIO_CHECK_OK(transfer.run());
  long status = transfer.headers().status;
  if (status == 401 || status == 403 || status == 404 || status == 410) return error_of_status(status, request.url);
  return transfer.headers().validators();
}

}  // namespace studio::catalogue
