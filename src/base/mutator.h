// The frame of mutators that know what an input is made of: json_mutator.h, line_mutator.h and their like in engine/.
//
// Flipped bytes of a structured input mostly break its structure, and what stands behind the first check is never
// reached. A shape takes the input apart, changes a part of it and puts it together again. A third of the time the
// bytes change as in every fuzzer, so that what no shape would make comes too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);  // libFuzzer's own

namespace studio::fuzz {

// What shapes draw from.
class Mutator {
 protected:
  explicit Mutator(unsigned seed) : random_(seed) {}

  uint32_t below(size_t limit) { return static_cast<uint32_t>(random_() % limit); }

  // As every fuzzer does it, up to 64 bytes longer.
  static std::string mutated(std::string text) {
    const size_t size = text.size();
    text.resize(size + 64);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), size, text.size()));
    return text;
  }

 private:
  std::minstd_rand random_;
};

// What libFuzzer calls: changes data in place, at most max_size long, and returns the new size. A Shape is made of a
// seed; its mutate() returns the changed input, or nothing where the bytes do not even begin as one. `front` bytes
// before the input stay: they choose what the target does with it.
template <class Shape>
size_t mutate_as(uint8_t* data, size_t size, size_t max_size, unsigned seed, size_t front = 0) {
  if (seed % 3 != 0 && size >= front) {
    const std::string out = Shape(seed).mutate({reinterpret_cast<const char*>(data) + front, size - front});
    if (!out.empty() && out.size() <= max_size - front) {
      std::copy(out.begin(), out.end(), data + front);
      return front + out.size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

}  // namespace studio::fuzz
