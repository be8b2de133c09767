#include "api/console/static_files.h"

#include <array>
#include <string>

namespace studio::api::console {
namespace {

struct FileType {
  std::string_view ending, type;
};
constexpr std::array<FileType, 6> kTypes = {{{".html", "text/html; charset=utf-8"},
                                             {".js", "text/javascript; charset=utf-8"},
                                             {".css", "text/css; charset=utf-8"},
                                             {".svg", "image/svg+xml"},
                                             {".png", "image/png"},
                                             {".woff2", "font/woff2"}}};

std::string_view type_of(std::string_view path) {
  for (const FileType& entry : kTypes) {
    if (path.ends_with(entry.ending)) return entry.type;
  }
  return "application/octet-stream";
}

// Scripts and styles from files alone, no inline code, no eval; no script may turn text into code (Trusted Types, with
// no policy allowed); the page talks to its own server and to nobody else.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

bool takes_gzip(const http::Request& request) {
  const std::string* field = request.fields.find("accept-encoding");
  if (field == nullptr) return false;
  std::string_view rest = *field;
  while (!rest.empty()) {
    size_t comma = rest.find(',');
    std::string_view item = http::trim_blanks(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    std::string_view coding = http::trim_blanks(item.substr(0, item.find(';')));
    // A weight, which no browser sends with it, may be zero: then the plain bytes do.
    if (http::equal_ignoring_case(coding, "gzip")) return item.size() == coding.size();
  }
  return false;
}

bool has_it(const http::Request& request, const std::string& tag) {
  const std::string* field = request.fields.find("if-none-match");
  return field != nullptr && (*field == "*" || field->find(tag) != std::string::npos);
}

}  // namespace

void add_page_guards(http::Response& response) {
  response.fields.set("Content-Security-Policy", std::string(kContentSecurityPolicy));
  response.fields.set("Referrer-Policy", "no-referrer");
  response.fields.set("X-DNS-Prefetch-Control", "off");  // a link that is only shown must not be looked up
  response.fields.set("Cross-Origin-Opener-Policy", "same-origin");
  response.fields.set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
}

http::Response file_response(const EmbeddedFile& file, const http::Request& request) {
  bool is_gzip = !file.gzip.empty() && takes_gzip(request);
  std::string tag = '"' + std::string(file.sha256.substr(0, 32)) + (is_gzip ? "-gz\"" : "\"");
  http::Response response;
  add_page_guards(response);
  response.fields.add("ETag", tag);
  bool is_named_by_digest = file.path.starts_with("assets/");
  response.fields.add("Cache-Control", is_named_by_digest ? "public, max-age=31536000, immutable" : "no-cache");
  if (!file.gzip.empty()) response.fields.add("Vary", "Accept-Encoding");
  if (has_it(request, tag)) {
    response.status = 304;
    return response;
  }
  response.fields.add("Content-Type", std::string(type_of(file.path)));
  if (is_gzip) response.fields.add("Content-Encoding", "gzip");
  response.body = std::string(is_gzip ? file.gzip : file.bytes);
  return response;
}

}  // namespace studio::api::console
