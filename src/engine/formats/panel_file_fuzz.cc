// Any bytes as a panel file, and as the head of one whose digest is right (the first byte chooses): refused with a
// reason, or tensors that lie inside the file. By its path, mapped or its head alone, it is the same file; so it is
// behind the head that our writer makes of its tensors.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/digest.h"
#include "base/memory_file.h"
#include "engine/formats/gguf_mutator.h"
#include "engine/formats/panel_file.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr size_t kPagesBehind = 4;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_same(const ModelSource& file, const ModelSource& other) {
  check(file.tensors().size() == other.tensors().size());
  for (size_t i = 0; i < file.tensors().size(); ++i) {
    const TensorInfo &one = file.tensors()[i], &two = other.tensors()[i];
    check(one.name == two.name && one.dtype == two.dtype && one.shape == two.shape && one.n_dims == two.n_dims);
  }
}

void read_by_path(const std::string& path, const Result<ModelSource>& whole) {
  for (const auto& other : {open_panel_file(path), read_panel_head(path)}) {
    check(other.ok() == whole.ok());
    if (whole.ok()) check_same(*whole, *other);
  }
}

void write_again(const ModelSource& file, const uint8_t* start, std::vector<uint8_t> bytes) {
  const auto digests = file.get_string_array(kPanelDigestsKey);
  check(digests.ok());
  std::vector<PanelEntry> entries;
  for (const TensorInfo& tensor : file.tensors()) {
    entries.push_back({.name = std::string(tensor.name),
                       .dtype = tensor.dtype,
                       .shape = {tensor.shape[0], tensor.shape[1]},
                       .n_dims = tensor.n_dims,
                       .offset = static_cast<uint64_t>(tensor.data.data() - start),
                       .size = tensor.data.size(),
                       .sha256 = std::string((*digests)[entries.size()])});
  }
  GgufWriter metadata;
  metadata.add_string(kPanelLayoutKey, kPanelLayoutName);
  const auto head = panel_file_head(std::move(metadata), entries, bytes.size());
  if (!head.ok()) return check(!head.error().message().empty());  // a digest of another length
  const bool has_room = head->size() <= (entries.empty() ? bytes.size() : entries.front().offset);
  if (!has_room) return;
  std::copy(head->begin(), head->end(), bytes.begin());
  const auto again = parse_panel_file(bytes);
  check(again.ok());
  check_same(file, *again);
}

void read_all(const std::vector<uint8_t>& bytes) {
  static fuzz::MemoryFile memory;
  auto file = parse_panel_file(bytes);
  read_by_path(memory.write(bytes), file);
  if (!file.ok()) return check(!file.error().message().empty());
  for (const TensorInfo& tensor : file->tensors()) {
    check(tensor.data.data() >= bytes.data() && tensor.data.data() + tensor.data.size() <= bytes.data() + bytes.size());
    check(file->find_tensor(tensor.name) == &tensor);
  }
  (void)check_panel_digests(*file).ok();
  (void)panel_vocabulary(*file, "");
  write_again(*file, bytes.data(), bytes);
}

// What panel_file_head() does with a head of its own.
std::vector<uint8_t> wrapped(const uint8_t* head, size_t size) {
  const size_t pages = (kPanelPreambleBytes + size + kPanelPage - 1) / kPanelPage + kPagesBehind;
  std::vector<uint8_t> bytes(pages * kPanelPage);
  const uint32_t version = kPanelVersion, page = kPanelPage;
  const uint64_t head_bytes = size, file_bytes = bytes.size();
  std::memcpy(bytes.data(), kPanelMagic.data(), kPanelMagic.size());
  std::memcpy(bytes.data() + 8, &version, sizeof version);
  std::memcpy(bytes.data() + 12, &page, sizeof page);
  std::memcpy(bytes.data() + 16, &head_bytes, sizeof head_bytes);
  std::memcpy(bytes.data() + 24, &file_bytes, sizeof file_bytes);
  std::memcpy(bytes.data() + kPanelPreambleBytes, head, size);
  Sha256 digest;
  digest.update({reinterpret_cast<const char*>(bytes.data()), 32});
  digest.update({reinterpret_cast<const char*>(head), size});
  const Sha256Digest made = digest.finish();
  std::memcpy(bytes.data() + 32, made.data(), made.size());
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 == 0) {
    read_all({data + 1, data + size});
  } else {
    read_all(wrapped(data + 1, size - 1));
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  // A whole file's head would no longer have its digest.
  if (size == 0 || data[0] % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  return studio::fuzz::mutate_as<studio::fuzz::GgufMutator>(data, size, max_size, seed, 1);
}
