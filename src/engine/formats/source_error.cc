#include "engine/formats/source_error.h"

#include <cstdio>
#include <utility>

namespace studio::engine {
namespace {

constexpr size_t kMaxQuotedBytes = 80;  // enough to recognise a name, short enough for a log line

}  // namespace

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (char c : name.substr(0, kMaxQuotedBytes)) {
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      text += c;
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += escaped;
    }
  }
  text += name.size() > kMaxQuotedBytes ? "...\"" : "\"";
  return text;
}

Error in_file(const std::string& path, Error error) {
  Error named(error.code(), path.substr(path.rfind('/') + 1) + ": " + error.message());
  return std::move(named).with_detail(path);
}

}  // namespace studio::engine
