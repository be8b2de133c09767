#include "http/chunked.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace studio::http {
namespace {

constexpr size_t kMaxSizeDigits = 8;           // 4 GiB a chunk: beyond any body limit
constexpr size_t kMaxIgnoredBytes = 4 * 1024;  // extensions and trailers that nobody reads

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace

size_t ChunkDecoder::feed(std::string_view in, std::string& out) {
  size_t used = 0;
  while (used < in.size() && state_ == State::kMore) {
    if (at_ == At::kData) {
      auto take = static_cast<size_t>(std::min<uint64_t>(remaining_, in.size() - used));
      out.append(in.substr(used, take));
      used += take;
      remaining_ -= take;
      if (remaining_ == 0) at_ = At::kDataCr;
    } else {
      step(in[used++]);
    }
  }
  return used;
}

void ChunkDecoder::step(char c) {
  switch (at_) {
    case At::kSize:
      if (int digit = hex_value(c); digit >= 0) {
        if (++size_digits_ > kMaxSizeDigits) broken();
        remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
      } else if (size_digits_ == 0) {
        broken();
      } else if (c == ';') {
        at_ = At::kExtension;
      } else if (c == '\r') {
        at_ = At::kSizeLf;
      } else {
        broken();
      }
      return;
    case At::kExtension:
      if (c == '\r') {
        at_ = At::kSizeLf;
      } else if (!is_text(c) || ++ignored_bytes_ > kMaxIgnoredBytes) {
        broken();
      }
      return;
    case At::kSizeLf:
      if (c != '\n') {
        broken();
        return;
      }
      size_digits_ = 0;
      total_ += remaining_;
      if (total_ > limit_) {
        state_ = State::kTooLarge;
      } else {
        at_ = remaining_ == 0 ? At::kTrailer : At::kData;
      }
      return;
    case At::kDataCr:
      if (c == '\r') {
        at_ = At::kDataLf;
      } else {
        broken();
      }
      return;
    case At::kDataLf:
      if (c == '\n') {
        at_ = At::kSize;
      } else {
        broken();
      }
      return;
    case At::kTrailer:
      if (c == '\r') {
        at_ = At::kEndLf;
        return;
      }
      at_ = At::kTrailerText;
      [[fallthrough]];
    case At::kTrailerText:
      if (c == '\r') {
        at_ = At::kTrailerLf;
      } else if (!is_text(c) || ++ignored_bytes_ > kMaxIgnoredBytes) {
        broken();
      }
      return;
    case At::kTrailerLf:
      if (c == '\n') {
        at_ = At::kTrailer;
      } else {
        broken();
      }
      return;
    case At::kEndLf:
      if (c == '\n') {
        state_ = State::kDone;
      } else {
        broken();
      }
      return;
    case At::kData:
      return;  // feed() takes data by the span
  }
}

void append_chunk(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  std::array<char, 20> size;
  auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16).ptr;
  out.append(size.data(), end);
  out += "\r\n";
  out += piece;
  out += "\r\n";
}

}  // namespace studio::http
