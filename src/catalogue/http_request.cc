#include "catalogue/http_request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>

namespace studio::catalogue {
namespace {

constexpr long kMaxRedirects = 5;  // hubs use one or two
constexpr const char* kUserAgent = "studio/0.1";

CURL* new_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);  // once; thread-safe by the language
  return started == CURLE_OK ? curl_easy_init() : nullptr;
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

}  // namespace

std::string host_of(const std::string& url) {
  size_t start = url.find("://");
  start = start == std::string::npos ? 0 : start + 3;
  return url.substr(start, url.find('/', start) - start);
}

HttpRequest::HttpRequest(const FetchRequest& request)
    : request_(request), handle_(new_curl()), must_be_public_(!request.allow_private && !behind_proxy(request.url)) {
  if (!handle_) return;
  bool is_https = request.url.starts_with("https://");
  curl_easy_setopt(handle_, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, is_https ? "https" : "http");
  curl_easy_setopt(handle_, CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https");
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle_, CURLOPT_MAXREDIRS, kMaxRedirects);
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, kUserAgent);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer must not hold us up
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.first_answer.count()));
  curl_easy_setopt(handle_, CURLOPT_OPENSOCKETFUNCTION, open_checked_socket);
  curl_easy_setopt(handle_, CURLOPT_OPENSOCKETDATA, &must_be_public_);
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  if (!request.bearer.empty()) {
    curl_easy_setopt(handle_, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(handle_, CURLOPT_XOAUTH2_BEARER, request.bearer.c_str());
  }
}

HttpRequest::~HttpRequest() {
  curl_easy_cleanup(handle_);
}

size_t HttpRequest::on_header(char* data, size_t, size_t count, void* self) {
  static_cast<HttpRequest*>(self)->answer_.add_line({data, count});
  return count;
}

Error HttpRequest::error_of(CURLcode code, bool is_late) const {
  std::string host = host_of(request_.url);
  if (is_late || (code == CURLE_OPERATION_TIMEDOUT && !answer_.is_complete())) {
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

}  // namespace studio::catalogue
