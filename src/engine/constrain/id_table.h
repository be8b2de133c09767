// Ids by the hash of what they stand for, in one array: a look is one place in memory, where a table of nodes has
// three.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace studio::engine::constrain {

class IdTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The one of that hash for which `is` holds; kNone for none.
  template <typename Is>
  uint32_t find(uint64_t hash, const Is& is) const {
    const uint32_t part = part_of(hash);
    for (size_t at = part & mask_; slots_[at].id != kNone; at = (at + 1) & mask_) {
      if (slots_[at].part == part && is(slots_[at].id)) return slots_[at].id;
    }
    return kNone;
  }

  void add(uint64_t hash, uint32_t id) {
    if (++count_ * 2 > slots_.size()) grow();
    put({.part = part_of(hash), .id = id});
  }

  size_t memory_bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t part = 0;  // of the hash
    uint32_t id = kNone;
  };
  static uint32_t part_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32 ^ hash); }

  void put(const Slot& slot) {
    size_t at = slot.part & mask_;
    while (slots_[at].id != kNone) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> before(slots_.size() * 2);
    before.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : before) {
      if (slot.id != kNone) put(slot);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(32);  // a power of two, at most half of them in use
  size_t mask_ = 31, count_ = 0;
};

}  // namespace studio::engine::constrain
