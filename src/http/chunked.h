// The chunked transfer coding, strictly read (RFC 9112, 7.1).
//
// A size is one to eight hexadecimal digits; extensions and trailers may come and are dropped, within limits; every
// line ends in CRLF. Anything else ends the connection: a chunk that two parsers measure differently is how a request
// hides in another one's body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace studio::http {

class ChunkDecoder {
 public:
  enum class State { kMore, kDone, kBroken, kTooLarge };

  explicit ChunkDecoder(uint64_t body_limit_bytes) : limit_(body_limit_bytes) {}

  // Takes bytes from `in`, appends body bytes to `out`. Returns how many bytes were used: fewer than in.size() only
  // when the state is no longer kMore (what follows is the next request's).
  size_t feed(std::string_view in, std::string& out);
  State state() const { return state_; }

 private:
  enum class At { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kTrailer, kTrailerText, kTrailerLf, kEndLf };
  void step(char c);
  State broken() { return state_ = State::kBroken; }

  const uint64_t limit_;
  State state_ = State::kMore;
  At at_ = At::kSize;
  uint64_t remaining_ = 0;  // of the chunk's data
  uint64_t total_ = 0;      // body bytes promised by the sizes so far
  size_t size_digits_ = 0;
  size_t ignored_bytes_ = 0;  // of extensions and trailers
};

// "1a\r\n...\r\n". An empty piece makes nothing: it would end the body.
void append_chunk(std::string& out, std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace studio::http
