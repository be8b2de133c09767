// Ids of short pieces of text that were met before.
//
// Exact: an entry holds the whole piece and answers for no other. Bounded: a piece has one or two places, and a newer
// one takes them, so text made to collide costs the merging it would cost without a cache and no memory. WordCaches
// lends one cache to each encoding at a time: any thread. A WordCache itself is its borrower's alone.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "engine/tensor/token.h"

namespace studio::engine {

// A piece of 1 to 15 bytes: the bytes, zeros, and the length last.
struct WordKey {
  static constexpr size_t kMaxBytes = 15;
  static constexpr size_t kReadBytes = 16;

  uint64_t low, high;

  // Of the first `size` bytes at `text`; kReadBytes of them may be read.
  static WordKey of_readable(const char* text, size_t size) {
    static_assert(std::endian::native == std::endian::little);
    WordKey key;
    std::memcpy(&key.low, text, sizeof key.low);
    std::memcpy(&key.high, text + 8, sizeof key.high);
    key.low &= kMasks[size].low;
    key.high = (key.high & kMasks[size].high) | static_cast<uint64_t>(size) << 56;
    return key;
  }
  static WordKey of(std::string_view piece) {
    char bytes[kReadBytes] = {};
    std::memcpy(bytes, piece.data(), piece.size());
    return of_readable(bytes, piece.size());
  }
  size_t size() const { return static_cast<size_t>(high >> 56); }
  bool operator==(const WordKey&) const = default;

 private:
  struct Mask {
    uint64_t low, high;
  };
  static constexpr std::array<Mask, kReadBytes> kMasks = [] {
    std::array<Mask, kReadBytes> masks{};
    for (size_t size = 0; size < masks.size(); ++size) {
      masks[size].low = size >= 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1;
      masks[size].high = size <= 8 ? 0 : (uint64_t{1} << 8 * (size - 8)) - 1;
    }
    return masks;
  }();
};

class WordCache {
 public:
  static constexpr size_t kMaxIds = 4;  // of one piece; what needs more is rare in text and merged each time

  struct Entry {
    WordKey key{};                       // of length 0: nobody's
    std::array<TokenId, kMaxIds> ids{};  // after the last: -1

    size_t count() const {
      size_t n = 0;
      for (const TokenId id : ids) n += id >= 0;
      return n;
    }
  };

  // A piece of 16 bytes or more: indentation, rules of dashes, long names.
  struct LongEntry {
    static constexpr size_t kMaxBytes = 40, kMaxIds = 5;

    std::array<char, kMaxBytes> text;
    std::array<TokenId, kMaxIds> ids;
    uint8_t size = 0;  // 0: nobody's
    uint8_t count = 0;

    bool is_of(std::string_view piece) const {
      return size == piece.size() && std::memcmp(text.data(), piece.data(), size) == 0;
    }
  };

  WordCache() : sets_(kSets), long_entries_(kLongEntries) {}

  void prefetch(const WordKey& key) const { __builtin_prefetch(&sets_[slot(key)]); }
  // nullptr where the piece is not there.
  const Entry* find(const WordKey& key) const {
    const Set& set = sets_[slot(key)];
    if (set.newer.key == key) [[likely]]
      return &set.newer;
    return set.older.key == key ? &set.older : nullptr;
  }
  // Ids: 1 to kMaxIds of them. The older entry of two leaves.
  void put(const WordKey& key, std::span<const TokenId> ids) {
    Set& set = sets_[slot(key)];
    set.older = set.newer;
    set.newer.key = key;
    set.newer.ids.fill(-1);
    std::copy(ids.begin(), ids.end(), set.newer.ids.begin());
  }

  // For pieces of 16 to LongEntry::kMaxBytes bytes; is_of() says whether it is there.
  LongEntry& long_entry(std::string_view piece) {
    uint64_t hash = piece.size();
    const auto mix = [&hash](const char* at) {
      uint64_t bytes;
      std::memcpy(&bytes, at, sizeof bytes);
      hash = (hash ^ bytes) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 32;
    };
    for (size_t at = 0; at + 8 < piece.size(); at += 8) mix(piece.data() + at);
    mix(piece.data() + piece.size() - 8);
    return long_entries_[static_cast<size_t>(hash) % kLongEntries];
  }

 private:
  // 1 MiB and 64 KiB: the words of a long text, in reach of the second-level cache.
  static constexpr size_t kSetBits = 14, kSets = size_t{1} << kSetBits, kLongEntries = 1024;

  struct alignas(64) Set {  // one cache line; the newer entry first
    Entry newer, older;
  };

  static size_t slot(const WordKey& key) {
    return static_cast<size_t>((key.low * 0x9E3779B97F4A7C15u ^ key.high * 0xC2B2AE3D27D4EB4Fu) >> (64 - kSetBits));
  }

  std::vector<Set> sets_;
  std::vector<LongEntry> long_entries_;
};

class WordCaches {
 public:
  // Kept for the next encodings; of more at one time each has a cache of its own for as long as it runs.
  static constexpr size_t kMaxIdle = 8;

  class Lease {
   public:
    explicit Lease(WordCaches& owner) : owner_(owner), cache_(owner.take()) {}
    ~Lease() { owner_.give_back(std::move(cache_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    WordCache& operator*() const { return *cache_; }

   private:
    WordCaches& owner_;
    std::unique_ptr<WordCache> cache_;
  };

 private:
  std::unique_ptr<WordCache> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<WordCache> cache = std::move(idle_.back());
        idle_.pop_back();
        return cache;
      }
    }
    return std::make_unique<WordCache>();
  }
  void give_back(std::unique_ptr<WordCache> cache) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(cache));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<WordCache>> idle_;  // guarded by mutex_
};

}  // namespace studio::engine
