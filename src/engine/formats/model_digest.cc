#include "engine/formats/model_digest.h"

#include <algorithm>

#include "base/digest.h"

namespace studio::engine {
namespace {

constexpr size_t kDigestSampleBytes = 4096;  // of each tensor: enough to tell two trainings of one shape apart

}  // namespace

std::string model_digest(const ModelSource& file) {
  if (file.digest()) return to_hex(*file.digest());
  Sha256 digest;
  auto add = [&](std::span<const uint8_t> bytes) {
    digest.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  for (const MetadataEntry& entry : file.metadata()) {
    digest.update(entry.key);
    add(entry.payload);
  }
  for (const TensorInfo& tensor : file.tensors()) {
    digest.update(tensor.name);
    digest.update(dtype_name(tensor.dtype));
    for (const uint64_t size : tensor.shape) digest.update(std::to_string(size) + ",");
    add(tensor.data.first(std::min(tensor.data.size(), kDigestSampleBytes)));
  }
  return to_hex(digest.finish());
}

}  // namespace studio::engine
