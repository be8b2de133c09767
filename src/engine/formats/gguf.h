// GGUF model files, versions 2 and 3: typed metadata and tensors, read where they lie in the mapping.
//
// Opening proves everything at once: each count, length, offset and extent is checked against the file before it is
// used (byte_reader.h), so the accessors afterwards cannot fail on bytes. Limits are named below, each with its reason.
// Source: the GGUF specification, ggml repository, docs/gguf.md, read 2026-11. Left out: version 1, big-endian files,
// nested arrays, split files (each part opens on its own).
// Errors: corrupt_data naming the key or tensor; unimplemented for what a newer program may have written.
// Ownership: a file from open() owns its mapping; views (names, strings, data) live as long as the GgufFile, also after
// it was moved. Any thread may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "engine/tensor/dtype.h"

namespace studio::engine {

// Limits. A file over one of them is refused; none is reached by any published model by a factor of ten.
inline constexpr uint64_t kMaxTensors = 65'536;          // the largest mixture-of-experts files have about 2,000
inline constexpr uint64_t kMaxMetadataEntries = 65'536;  // real files have 20 to 60
inline constexpr uint64_t kMaxKeyBytes = 65'535;         // the specification's own limit
inline constexpr uint64_t kMaxTensorNameBytes = 64;      // the specification's own limit
inline constexpr uint64_t kMaxStringBytes = 16u << 20;   // chat templates are under 100 kB
inline constexpr uint64_t kMaxArrayElements = 4u << 20;  // vocabularies are under 300,000, merges under 600,000
inline constexpr uint32_t kMaxDims = 4;                  // the specification's own limit
inline constexpr uint64_t kMinAlignment = 8;             // below it the format itself would be unaligned
inline constexpr uint64_t kMaxAlignment = 65'536;        // the largest page size in use
inline constexpr uint64_t kDefaultAlignment = 32;        // where general.alignment is absent (specification)

// Types of metadata values. The values reach disk, never reuse one.
enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

std::string_view gguf_type_name(GgufType type);  // "u32", "string", ...

// One metadata entry. For an array, element_type and count describe it; for anything else they repeat the type and 1.
struct MetadataEntry {
  std::string_view key;
  GgufType type;
  GgufType element_type;
  uint64_t count;
  std::span<const uint8_t>
      payload;  // the value's own bytes; for a string without its length, for an array its elements
};

struct TensorInfo {
  std::string_view name;
  DType dtype;
  std::array<uint64_t, 4>
      shape;   // ne order: shape[0] is the row length, neighbours along it are adjacent; unused are 1
  int n_dims;  // 1 .. 4
  std::span<const uint8_t> data;  // exactly the tensor's bytes, at a multiple of the file's alignment

  uint64_t row_elements() const { return shape[0]; }
  uint64_t rows() const { return shape[1] * shape[2] * shape[3]; }  // proved not to overflow when the file was opened
};

class GgufFile {
 public:
  static Result<GgufFile> open(const std::string& path);
  // The bytes must outlive the result.
  static Result<GgufFile> parse(std::span<const uint8_t> bytes);

  GgufFile(GgufFile&&) noexcept = default;
  GgufFile& operator=(GgufFile&&) noexcept = default;

  uint32_t version() const { return version_; }
  uint64_t alignment() const { return alignment_; }
  uint64_t file_bytes() const { return bytes_.size(); }

  // In the order of the file.
  std::span<const MetadataEntry> metadata() const { return metadata_; }
  std::span<const TensorInfo> tensors() const { return tensors_; }

  bool has_key(std::string_view key) const { return find_entry(key) != nullptr; }
  const MetadataEntry* find_entry(std::string_view key) const;
  const TensorInfo* find_tensor(std::string_view name) const;
  // The same for a tensor that must be there: corrupt_data naming it otherwise.
  Result<const TensorInfo*> get_tensor(std::string_view name) const;

  // Values that must be there. A missing key, another type or a value out of range is corrupt_data naming the key.
  // u64 takes any integer type holding no negative value, f32 also f64 (rounded).
  Result<uint64_t> get_u64(std::string_view key) const;
  Result<float> get_f32(std::string_view key) const;
  Result<bool> get_bool(std::string_view key) const;
  Result<std::string_view> get_string(std::string_view key) const;
  Result<std::vector<std::string_view>> get_string_array(std::string_view key) const;
  Result<std::vector<int32_t>> get_i32_array(std::string_view key) const;  // i32, or u32 that fits
  Result<std::vector<float>> get_f32_array(std::string_view key) const;

  // Values that may be missing (nullopt). One that is there with another type is still an error, never "missing".
  Result<std::optional<uint64_t>> find_u64(std::string_view key) const;
  Result<std::optional<float>> find_f32(std::string_view key) const;
  Result<std::optional<bool>> find_bool(std::string_view key) const;
  Result<std::optional<std::string_view>> find_string(std::string_view key) const;
  Result<std::optional<std::vector<std::string_view>>> find_string_array(std::string_view key) const;
  Result<std::optional<std::vector<int32_t>>> find_i32_array(std::string_view key) const;
  Result<std::optional<std::vector<float>>> find_f32_array(std::string_view key) const;

 private:
  GgufFile() = default;
  Status read_everything();

  MappedFile mapping_;  // empty for parse()
  std::span<const uint8_t> bytes_;
  uint32_t version_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  std::vector<MetadataEntry> metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<uint32_t> metadata_by_key_;  // indices, sorted by key: lookup costs the same for any file
  std::vector<uint32_t> tensors_by_name_;
};

}  // namespace studio::engine
