// What one rendering may still spend. Every operation pays before it works; running out is a Failure.
#pragma once

#include <cstddef>
#include <string>

#include "engine/templates/chat_template.h"
#include "engine/templates/failure.h"

namespace studio::engine::jinja {

// Nesting of the source (blocks and expressions together) and of values. Real templates stay below 20.
inline constexpr int kMaxNesting = 64;
// Macros calling macros.
inline constexpr int kMaxMacroDepth = 32;
// Bytes of strings that cost as much as one step, some 100 ns: in blocks (copy, compare, search), character by
// character, and mapped by the tables of Unicode (measured: up to 0.1, 2.5 and 8 ns a byte).
inline constexpr size_t kBytesPerStep = 256;
inline constexpr size_t kScannedBytesPerStep = 64;
inline constexpr size_t kMappedBytesPerStep = 16;
// Filters applied by filters (map, select): one inside another is rare, two unheard of.
inline constexpr int kMaxFilterDepth = 8;

class Budget {
 public:
  explicit Budget(const RenderLimits& limits) : limits_(limits), steps_left_(limits.steps) {}

  void step(size_t count = 1) {
    if (count > steps_left_) exhausted("steps", limits_.steps);
    steps_left_ -= count;
  }
  void read(size_t bytes) { step(1 + bytes / kBytesPerStep); }
  void scan(size_t bytes) { step(1 + bytes / kScannedBytesPerStep); }
  void map(size_t bytes) { step(1 + bytes / kMappedBytesPerStep); }

  // Before a string or a list of this size is made.
  void make_string(size_t bytes) { grow_string(0, bytes); }
  // Before `added` bytes are appended to one of `size`.
  void grow_string(size_t size, size_t added) {
    if (added > limits_.string_bytes || size > limits_.string_bytes - added) {
      exhausted("bytes in a string", limits_.string_bytes);
    }
    read(added);
  }
  void make_items(size_t items) {
    check_items(items);
    step(1 + items / 2);
  }
  void check_items(size_t items) const {
    if (items > limits_.items) exhausted("items in a list", limits_.items);
  }
  void check_output(size_t bytes) const {
    if (bytes > limits_.output_bytes) exhausted("bytes of output", limits_.output_bytes);
  }

  // One level of something nested, while it lives.
  class Level {
   public:
    Level(int& depth, int limit, const char* what) : depth_(depth) {
      if (depth >= limit) fail("the chat template nests " + std::string(what) + " too deep");
      ++depth_;
    }
    Level(const Level&) = delete;
    ~Level() { --depth_; }

   private:
    int& depth_;
  };
  Level enter_filter() { return {filter_depth_, kMaxFilterDepth, "filters"}; }

 private:
  [[noreturn]] static void exhausted(const char* what, size_t limit) {
    fail("the chat template needs more than " + std::to_string(limit) + " " + what);
  }

  const RenderLimits limits_;
  size_t steps_left_;
  int filter_depth_ = 0;
};

}  // namespace studio::engine::jinja
