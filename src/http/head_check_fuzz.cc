// The pre-check of a head and the parser behind it, and the chunk decoder: no input may crash them, and what the check
// accepts the parser must read the same way.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/chunked.h"
#include "http/head_check.h"
#include "http/head_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::http;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HeadProgress progress = find_head_end(bytes, 0);
  if (progress.end > bytes.size()) std::abort();
  if (progress.end > 0) {
    std::string_view head = bytes.substr(0, progress.end);
    HeadFacts facts = check_request_head(head);
    auto parsed = parse_request_head(head);
    if (facts.fault == HeadFault::kNone && parsed.ok()) {
      std::string target = parsed->path + (facts.target.find('?') == std::string_view::npos ? "" : "?") + parsed->query;
      if (target != facts.target) std::abort();
      const std::string* host = parsed->fields.find("host");
      if (host == nullptr || *host != facts.host) std::abort();
      if (facts.chunked != (parsed->fields.find("transfer-encoding") != nullptr)) std::abort();
    }
  }
  ChunkDecoder whole(1 << 16);
  ChunkDecoder pieces(1 << 16);
  std::string body_whole;
  std::string body_pieces;
  size_t used = whole.feed(bytes, body_whole);
  size_t used_pieces = 0;
  while (used_pieces < size && pieces.state() == ChunkDecoder::State::kMore) {
    used_pieces += pieces.feed(bytes.substr(used_pieces, 1), body_pieces);
  }
  if (used != used_pieces || whole.state() != pieces.state() || body_whole != body_pieces) std::abort();
  return 0;
}
