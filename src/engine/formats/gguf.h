// GGUF model files, versions 2 and 3: typed metadata and tensors, read where they lie in the mapping.
//
// Opening proves everything at once: each count, length, offset and extent is checked against the file before it is
// used (byte_reader.h), so the accessors afterwards cannot fail on bytes. Limits are named below, each with its reason.
// Source: the GGUF specification, ggml repository, docs/gguf.md, read 2026-11. Left out: version 1, big-endian files,
// nested arrays, split files (each part opens on its own).
// Errors: corrupt_data naming the key or tensor; unimplemented for what a newer program may have written.
// Ownership: a file from open() owns its mapping. Any thread may read.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// Limits besides those of model_source.h, each with its reason.
inline constexpr uint64_t kMinAlignment = 8;       // below it the format itself would be unaligned
inline constexpr uint64_t kMaxAlignment = 65'536;  // the largest page size in use
inline constexpr uint64_t kDefaultAlignment = 32;  // where general.alignment is absent (specification)
inline constexpr uint64_t kMaxHeadBytes = 64u
                                          << 20;  // metadata and tensor list, for read_head(): real ones are under 16

class GgufFile : public ModelSource {
 public:
  static Result<GgufFile> open(const std::string& path);
  // The bytes must outlive the result.
  static Result<GgufFile> parse(std::span<const uint8_t> bytes);
  // The first bytes of a file of file_bytes, which hold its metadata and list of tensors whole: everything is proved as
  // by parse(), but no tensor has data. The bytes must outlive the result.
  static Result<GgufFile> parse_head(std::span<const uint8_t> bytes, uint64_t file_bytes);
  // The same of a file, without mapping it: a file that is cut short meanwhile is an error, never a signal.
  static Result<GgufFile> read_head(const std::string& path);

  uint32_t version() const { return version_; }
  uint64_t alignment() const { return alignment_; }
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  GgufFile() : ModelSource("GGUF") {}
  Status read_everything(std::span<const uint8_t> bytes, uint64_t file_bytes);

  uint32_t version_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  uint64_t file_bytes_ = 0;
};

}  // namespace studio::engine
