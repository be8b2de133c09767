// The chunk decoder: any bytes give the same however they are cut and never more than the limit; any body that we cut
// into chunks comes out whole. The first byte chooses which of the two, and the cuts.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/chunked.h"

namespace {

using namespace studio::http;

constexpr uint64_t kLimitBytes = 1 << 14;

void check(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::string body;
  size_t used = 0;
  ChunkDecoder::State state = ChunkDecoder::State::kMore;
};

Outcome decode(std::string_view bytes, size_t step) {
  ChunkDecoder decoder(kLimitBytes);
  Outcome outcome;
  while (outcome.used < bytes.size() && decoder.state() == ChunkDecoder::State::kMore) {
    const std::string_view piece = bytes.substr(outcome.used, step);
    const size_t used = decoder.feed(piece, outcome.body);
    check(used <= piece.size() && (used == piece.size() || decoder.state() != ChunkDecoder::State::kMore));
    outcome.used += used;
  }
  outcome.state = decoder.state();
  return outcome;
}

void any_bytes(std::string_view bytes, size_t step) {
  const Outcome whole = decode(bytes, bytes.size() + 1), pieces = decode(bytes, step), single = decode(bytes, 1);
  for (const Outcome* other : {&pieces, &single}) {
    check(other->used == whole.used && other->state == whole.state && other->body == whole.body);
  }
  check(whole.body.size() <= kLimitBytes);
  // What came before the end was counted in sizes that were written down: never more body than bytes.
  check(whole.body.size() <= whole.used);
}

void our_own(std::string_view body, size_t step) {
  body = body.substr(0, kLimitBytes);
  std::string sent;
  for (size_t at = 0; at < body.size(); at += step) append_chunk(sent, body.substr(at, step));
  sent += kLastChunk;
  const Outcome read = decode(sent + "GET / HTTP/1.1", 1 + step % 7);
  check(read.state == ChunkDecoder::State::kDone && read.used == sent.size() && read.body == body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t step = 1 + data[0] / 2;
  if (data[0] % 2 == 0) {
    any_bytes(bytes, step);
  } else {
    our_own(bytes, step);
  }
  return 0;
}
