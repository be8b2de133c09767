// Any bytes as a panel file, and as the head of one whose digest is right (the first byte chooses): refused with a
// reason, or tensors that lie inside the file.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/digest.h"
#include "engine/formats/panel_file.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr size_t kPagesBehind = 4;

void check(bool holds) {
  if (!holds) std::abort();
}

void read_all(const std::vector<uint8_t>& bytes) {
  auto file = parse_panel_file(bytes);
  if (!file.ok()) return check(!file.error().message().empty());
  for (const TensorInfo& tensor : file->tensors()) {
    check(tensor.data.data() >= bytes.data() && tensor.data.data() + tensor.data.size() <= bytes.data() + bytes.size());
    check(file->find_tensor(tensor.name) == &tensor);
  }
  (void)check_panel_digests(*file).ok();
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
