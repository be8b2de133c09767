#include "base/gzip.h"

#include <zlib.h>

#include <array>
#include <cstdlib>

namespace studio {
namespace {

constexpr int kWindowBits = 15 + 16;  // the largest window; 16 asks for gzip's head and end
constexpr int kMemoryLevel = 8;       // zlib's own default: 256 KiB
// Of 1 to 9: vectors as decimals shrink to 45 % at 1 (40 MB/s), and to 40 % at 6, which takes six times as long.
constexpr int kLevel = 1;
constexpr size_t kPieceBytes = 64 << 10;

}  // namespace

struct Gzip::State {
  z_stream stream{};
  State() {
    // It fails only without memory, or with another library than the one compiled against.
    if (deflateInit2(&stream, kLevel, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  }
  ~State() { deflateEnd(&stream); }
};

Gzip::Gzip() : state_(std::make_unique<State>()) {}
Gzip::~Gzip() = default;
Gzip::Gzip(Gzip&&) noexcept = default;

std::string Gzip::pack(std::string_view bytes, bool is_last) {
  z_stream& stream = state_->stream;
  std::array<char, kPieceBytes> piece;
  std::string packed;
  do {
    // avail_in is 32 bits: what is larger goes in slices.
    const size_t slice = bytes.size() > kPieceBytes ? kPieceBytes : bytes.size();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib reads it alone
    stream.avail_in = static_cast<uInt>(slice);
    bytes.remove_prefix(slice);
    const int flush = is_last && bytes.empty() ? Z_FINISH : Z_NO_FLUSH;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream.avail_out = static_cast<uInt>(piece.size());
      deflate(&stream, flush);
      packed.append(piece.data(), piece.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (!bytes.empty());
  return packed;
}

}  // namespace studio
