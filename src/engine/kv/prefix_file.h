// Pages of the prefix tree in a file: a worker that starts anew finds what the one before it has computed.
//
// One file belongs to one identity (model, numerics class, format of the pages) and one worker. A page is found by its
// address, a digest of the identity and of all tokens up to its end with the salts they stand under; the tokens of its
// record are compared as well. What does not match a checksum is as if it were not there, and a file that is cut short,
// foreign or of another size is begun anew. docs/formats/prefix_file.md.
// The file is mapped and all of its blocks are reserved, so using it needs no system call and cannot run out of disk.
// Another process that cuts it while it is mapped stops the worker; nobody else has business in the folder.
// Threads: the scheduler thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "engine/kernels/kernel_set.h"
#include "engine/tensor/token.h"

namespace studio::engine {

// A victim is searched among all of them: some MB to read, about as long as a page's copy takes.
inline constexpr int kMaxPrefixFilePages = 65'536;

using PrefixAddress = Sha256Digest;

struct PrefixRecord {
  PrefixAddress address{};  // of what follows; see prefix_record()
  PrefixAddress before{};   // of the page before it; of the first, the identity
  uint64_t salt = 0;
  int32_t depth = 0;  // pages before it
  std::array<TokenId, kPageTokens> tokens{};

  bool operator==(const PrefixRecord&) const = default;
};

// `tokens` fill the page.
PrefixRecord prefix_record(const PrefixAddress& before, uint64_t salt, int depth, std::span<const TokenId> tokens);

class PrefixFile {
 public:
  struct Shape {
    PrefixAddress identity{};
    size_t page_bytes = 0;
    int64_t limit_bytes = 0;  // of the whole file
  };

  // Takes the open file. Errors: invalid_argument where no page fits the limit, unavailable where the disk has no room.
  static Result<PrefixFile> attach(int descriptor, const Shape& shape);

  PrefixFile(PrefixFile&& other) noexcept;
  PrefixFile& operator=(PrefixFile&&) = delete;
  ~PrefixFile();

  const PrefixAddress& identity() const { return shape_.identity; }
  int capacity() const { return static_cast<int>(slots_.size()); }
  int pages() const { return static_cast<int>(index_.size()); }
  uint64_t last_use() const;  // the latest of all
  uint64_t damaged() const { return damaged_; }

  // The slot that holds the page, or -1.
  int find(const PrefixRecord& record) const;
  // False where the content has changed: the page is dropped.
  bool read(int slot, std::span<uint8_t> page);
  // An empty slot, or that of the page used longest ago, the deepest of several, which is dropped.
  int make_room();
  void write(int slot, const PrefixRecord& record, std::span<const uint8_t> page, uint64_t used);
  void touch(int slot, uint64_t used);
  void drop(int slot);
  // Nothing of other salts is left in the file.
  void wipe_all_but(uint64_t salt);

 private:
  struct Slot {
    PrefixRecord record;
    uint64_t content = 0;  // checksum
    uint64_t used = 0;
    bool is_filled = false;
  };
  struct FirstBytes {
    size_t operator()(const PrefixAddress& address) const;
  };

  PrefixFile(int descriptor, const Shape& shape, int slots);
  bool has_our_header() const;
  void begin_anew();
  void read_heads();
  uint8_t* head_of(int slot) const;
  uint8_t* page_of(int slot) const;

  int descriptor_;  // holds the lock
  Shape shape_;
  std::span<uint8_t> mapping_;
  std::vector<Slot> slots_;
  std::vector<int> empty_;  // slots
  std::unordered_map<PrefixAddress, int, FirstBytes> index_;
  uint64_t damaged_ = 0;
};

}  // namespace studio::engine
