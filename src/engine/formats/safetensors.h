// Safetensors files: a JSON header that says which bytes are which tensor, then the bytes.
//
// Reading proves the whole header at once: its length against the file, the JSON (strict, bounded), each shape against
// its extent, and that the extents cover the data without a hole or an overlap, which the format demands. Types other
// than F32, F16 and BF16 are refused by name.
// Source: the format's description in the README of the safetensors repository (huggingface, format of 0.3 and on),
// read 2026-11. Left out: tensors without elements.
// Errors: corrupt_data naming the tensor; unimplemented for a type we do not read.
// Ownership: open() owns its mapping; data of parse() points into the caller's bytes. Any thread may read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "engine/tensor/dtype.h"

namespace studio::engine {

// Limits. Real headers take about 100 bytes for a tensor; a shard of the largest releases has under 2,000 of them.
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 16u << 20;
inline constexpr uint64_t kMaxSafetensorsNameBytes = 512;  // real names are under 100
inline constexpr uint64_t kSafetensorsLengthBytes = 8;     // the header's length, before it

struct SafetensorsTensor {
  std::string name;
  DType dtype = DType::kF32;      // F32, F16 or BF16
  std::vector<uint64_t> shape;    // outermost first, 1 to 4 numbers above 0; the last is the row length
  uint64_t offset = 0, size = 0;  // bytes, from the file's beginning
  std::span<const uint8_t> data;  // none where only the header was read
};

class SafetensorsFile {
 public:
  // `buffers`: names of tensors that may hold whole numbers (I64), as old releases store positions. They are proved
  // like the others, and left out.
  static Result<SafetensorsFile> open(const std::string& path, std::span<const std::string_view> buffers = {});
  // The header alone, by reading, not mapping: a file that is cut short meanwhile is an error, never a signal.
  static Result<SafetensorsFile> read_header(const std::string& path, std::span<const std::string_view> buffers = {});
  // The bytes must outlive the result.
  static Result<SafetensorsFile> parse(std::span<const uint8_t> bytes, std::span<const std::string_view> buffers = {});

  std::span<const SafetensorsTensor> tensors() const { return tensors_; }  // in the order of the file
  MappedFile take_mapping() && { return std::move(mapping_); }             // of open()

 private:
  SafetensorsFile() = default;
  Status read(std::string_view header, uint64_t file_bytes, std::span<const std::string_view> buffers);
  void attach(std::span<const uint8_t> bytes);

  MappedFile mapping_;
  std::vector<SafetensorsTensor> tensors_;
};

}  // namespace studio::engine
