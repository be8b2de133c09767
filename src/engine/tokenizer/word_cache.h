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
#include <type_traits>
#include <vector>

#include "base/table_memory.h"
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
  uint64_t hash() const { return low * 0x9E3779B97F4A7C15u ^ high * 0xC2B2AE3D27D4EB4Fu; }  // its upper bits are best
  bool operator==(const WordKey& other) const { return ((low ^ other.low) | (high ^ other.high)) == 0; }

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

    // Ids: at most kMaxIds of them.
    static Entry of(const WordKey& key, std::span<const TokenId> ids) {
      Entry entry{key, {}};
      entry.ids.fill(-1);
      std::copy(ids.begin(), ids.end(), entry.ids.begin());
      return entry;
    }
    size_t count() const {
      size_t n = 0;
      for (const TokenId id : ids) n += id >= 0;
      return n;
    }
  };

  // A piece of 16 bytes or more: indentation, rules of dashes, long names.
  struct LongEntry {
    static constexpr size_t kMaxBytes = 84, kMaxIds = 10;  // two lines of the cache in all

    std::array<char, kMaxBytes> text;
    std::array<TokenId, kMaxIds> ids;
    uint8_t size = 0;  // 0: nobody's
    uint8_t count = 0;

    bool is_of(std::string_view piece) const {
      return size == piece.size() && std::memcmp(text.data(), piece.data(), size) == 0;
    }
  };

  WordCache()
      : memory_(kBytes),
        sets_(reinterpret_cast<Set*>(memory_.bytes())),
        long_entries_(reinterpret_cast<LongEntry*>(memory_.bytes() + kSets * sizeof(Set))) {}

  // Where the entries of a key may be; it is sent for.
  const Entry* sent_for(const WordKey& key) const {
    const Entry* const entries = sets_[slot(key)].entries.data();
    __builtin_prefetch(entries);
    return entries;
  }
  // Of these the one of the key where there is one; else another.
  static const Entry* entry(const Entry* entries, const WordKey& key) {
    const size_t is_older = entries[0].key == key ? 0 : 1;
    return &entries[is_older];
  }
  const Entry* entry(const WordKey& key) const { return entry(sets_[slot(key)].entries.data(), key); }
  // In the place of the older entry of two.
  void put(const Entry& entry) {
    Set& set = sets_[slot(entry.key)];
    set.entries[1] = set.entries[0];
    set.entries[0] = entry;
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
  // 1 MiB and 512 KiB: the words of a long text, in reach of the second-level cache. In one large page, the rest of
  // which stays free: with small ones each look would miss the list of pages.
  static constexpr size_t kSetBits = 14, kSets = size_t{1} << kSetBits, kLongEntries = 4096, kBytes = 2u << 20;

  struct alignas(64) Set {         // one cache line
    std::array<Entry, 2> entries;  // the newer one first
  };

  static size_t slot(const WordKey& key) { return static_cast<size_t>(key.hash() >> (64 - kSetBits)); }

  static_assert(sizeof(LongEntry) == 128);
  static_assert(kSets * sizeof(Set) + kLongEntries * sizeof(LongEntry) <= kBytes);
  static_assert(std::is_trivially_destructible_v<Set> && std::is_trivially_destructible_v<LongEntry>);
  static_assert(std::is_trivially_copyable_v<Set> && std::is_trivially_copyable_v<LongEntry>);

  ZeroMemory memory_;        // an entry of zeros is nobody's
  Set* sets_;                // [kSets] in memory_
  LongEntry* long_entries_;  // [kLongEntries] in memory_
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
