// A model as a file offers it, whatever the file: metadata by key and tensors by name.
//
// The keys and names are those of GGUF ("qwen2.block_count", "blk.0.attn_q.weight"): the field's widest vocabulary for
// both, so a GGUF file is one as it lies there (gguf.h), a folder of safetensors is translated (hf_folder.h), and a
// panel file carries them along (panel_file.h). What is above this line cannot tell which it was given.
// Errors: corrupt_data naming the key or tensor.
// Ownership: a source owns what its views (names, strings, data) point into; they live as long as it, also after it was
// moved. Any thread may read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "base/result.h"
#include "base/table_memory.h"
#include "engine/tensor/dtype.h"

namespace studio::engine {

// Limits. A file over one of them is refused; none is reached by any published model by a factor of ten.
inline constexpr uint64_t kMaxTensors = 65'536;          // the largest mixture-of-experts files have about 2,000
inline constexpr uint64_t kMaxMetadataEntries = 65'536;  // real files have 20 to 60
inline constexpr uint64_t kMaxKeyBytes = 65'535;         // the GGUF specification's own limit
inline constexpr uint64_t kMaxTensorNameBytes = 64;      // the GGUF specification's own limit
inline constexpr uint64_t kMaxStringBytes = 16u << 20;   // chat templates are under 100 kB
inline constexpr uint64_t kMaxArrayElements = 4u << 20;  // vocabularies are under 300,000, merges under 600,000
inline constexpr uint32_t kMaxDims = 4;                  // the GGUF specification's own limit

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

// How a tensor's data lies. All but kPanels are rows that a codec reads (block_codec.h).
enum class TensorOrder {
  kRows,          // row after row
  kRotaryHalves,  // the same, but the rows of each head are those of GGUF taken apart: first the even ones, then the
                  // odd
  kPanels,        // repacked for the kernels (kernels/panel_layout.h)
};

struct TensorInfo {
  std::string_view name;
  DType dtype;
  std::array<uint64_t, 4>
      shape;   // ne order: shape[0] is the row length, neighbours along it are adjacent; unused are 1
  int n_dims;  // 1 .. 4
  std::span<const uint8_t> data;  // exactly the tensor's bytes; none where only the head was read (open_model.h)
  TensorOrder order = TensorOrder::kRows;
  int rotary_heads = 0;  // kRotaryHalves: heads that share the rows evenly

  uint64_t row_elements() const { return shape[0]; }
  uint64_t rows() const { return shape[1] * shape[2] * shape[3]; }  // proved not to overflow when the file was opened
};

// The one key that GGUF has no word for: every id that ends an answer, i32 array (hf_text.h).
inline constexpr std::string_view kEndIdsKey = "studio.end_token_ids";

class ModelSource {
 public:
  ModelSource(ModelSource&&) noexcept = default;
  ModelSource& operator=(ModelSource&&) noexcept = default;

  // "GGUF", "safetensors", "panels": the kind of file, for people.
  std::string_view format() const { return format_; }

  // Of a kind of file that names its numbers by a digest of its own, which was proved: all metadata, and each tensor by
  // its digest. Of others nothing.
  const std::optional<Sha256Digest>& digest() const { return digest_; }

  // Of a single file whose head was read and that stood still meanwhile. Of others nothing.
  const std::optional<FileIdentity>& identity() const { return identity_; }

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

 protected:
  explicit ModelSource(std::string_view format) : format_(format) {}
  // Once all entries, and once all tensors, are there. corrupt_data naming what stands twice.
  Status index_metadata();
  Status index_tensors();

  std::string_view format_;  // a literal
  std::optional<Sha256Digest> digest_;
  std::optional<FileIdentity> identity_;
  std::vector<MetadataEntry> metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<MappedFile> mappings_;          // what the views point into, where it is a file ...
  std::vector<std::vector<uint8_t>> memory_;  // ... and where it is not
  std::vector<TableMemory> heads_;            // ... or is read

 private:
  std::vector<uint32_t> metadata_by_key_;  // indices, sorted by key: lookup costs the same for any file
  std::vector<uint32_t> tensors_by_name_;
};

}  // namespace studio::engine
