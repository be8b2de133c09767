#include "engine/formats/gguf.h"

#include <algorithm>
#include <utility>

#include "base/file.h"

namespace studio::engine {
namespace {

constexpr uint64_t kFirstHeadBytes = 6u << 20;  // holds the head of a Qwen, 5.9 MB; doubled while it does not

}  // namespace

Result<GgufFile> GgufFile::open(const std::string& path) {
  GgufFile file;
  STUDIO_TRY(auto mapping, MappedFile::open(path));
  file.mappings_.push_back(std::move(mapping));
  const std::span<const uint8_t> bytes = file.mappings_[0].bytes();
  Status whole = file.read_everything(bytes, bytes.size());
  if (!whole.ok()) return std::move(whole).error().with_detail(path);
  return file;
}

Result<GgufFile> GgufFile::parse(std::span<const uint8_t> bytes) {
  return parse_head(bytes, bytes.size());
}

Result<GgufFile> GgufFile::parse_head(std::span<const uint8_t> bytes, uint64_t file_bytes) {
  GgufFile file;
  STUDIO_CHECK_OK(file.read_everything(bytes, file_bytes));
  return file;
}

Result<GgufFile> GgufFile::read_head(const std::string& path) {
  STUDIO_TRY(auto file, UnmappedFile::open(path));
  for (uint64_t size = kFirstHeadBytes;; size *= 2) {
    TableMemory memory(std::min(size, file.size()));
    STUDIO_CHECK_OK(file.read_into(memory.bytes(), 0));
    // Moving the memory leaves the bytes where they are, so the views stay right.
    auto head = parse_head(memory.bytes(), file.size());
    if (head.ok()) {
      head->heads_.push_back(std::move(memory));
      if (file.is_unchanged()) head->identity_ = file.identity();
      return head;
    }
    if (size >= file.size() || size >= kMaxHeadBytes) return std::move(head).error().with_detail(path);
  }
}

}  // namespace studio::engine
