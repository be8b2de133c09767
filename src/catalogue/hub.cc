#include "catalogue/hub.h"

#include <cctype>

namespace studio::catalogue {
namespace {

// RFC 3986: unreserved characters and the path's own slashes stay.
std::string escape_path(std::string_view path) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : path) {
    if (std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '/') {
      out += static_cast<char>(c);
    } else {
      out += {'%', kDigits[c >> 4], kDigits[c & 15]};
    }
  }
  return out;
}

std::string without_slash(std::string endpoint) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

bool is_loopback(const std::string& url) {
  std::string host = host_of(url);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

}  // namespace

bool is_http_source(const Source& source) {
  return source.kind == SourceKind::kModelscope || source.kind == SourceKind::kHuggingface ||
         source.kind == SourceKind::kUrl;
}

FetchRequest request_for(const Source& source, const ModelFile& file, const HubSettings& settings) {
  FetchRequest request;
  request.first_answer = settings.patience;
  request.expected_bytes = file.bytes;
  request.is_digest_known = !file.sha256.empty();
  std::string place =
      escape_path(source.repo) + "/resolve/" + escape_path(source.revision) + "/" + escape_path(file.name);
  switch (source.kind) {
    case SourceKind::kModelscope:
      request.url = without_slash(settings.modelscope) + "/models/" + place;
      request.allow_private = settings.modelscope != kModelscopeEndpoint;
      break;
    case SourceKind::kHuggingface:
      request.url = without_slash(settings.huggingface) + "/" + place;
      request.allow_private = settings.huggingface != kHuggingfaceEndpoint;
      request.bearer = settings.huggingface_token;
      break;
    default: {
      request.url = source.url;
      size_t slot = request.url.find("{file}");
      if (slot != std::string::npos) request.url.replace(slot, 6, escape_path(file.name));
      request.allow_private = is_loopback(request.url);
      break;
    }
  }
  return request;
}

std::string display_name(const Source& source, const HubSettings& settings) {
  switch (source.kind) {
    case SourceKind::kModelscope:
      return host_of(settings.modelscope);
    case SourceKind::kHuggingface:
      return host_of(settings.huggingface);
    case SourceKind::kUrl:
      return host_of(source.url);
    case SourceKind::kFile:
      return source.path;
    case SourceKind::kPypi:
      return "Python packages";
    case SourceKind::kBuiltin:
      return "built in";
  }
  return "?";
}

}  // namespace studio::catalogue
