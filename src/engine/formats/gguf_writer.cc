#include "engine/formats/gguf_writer.h"

#include <cstring>
#include <utility>

#include "base/file.h"
#include "engine/formats/block_encode.h"

namespace studio::engine {
namespace {

constexpr uint32_t kVersion = 3;

void append_bytes(std::vector<uint8_t>& out, const void* bytes, size_t size) {
  const uint8_t* begin = static_cast<const uint8_t*>(bytes);
  out.insert(out.end(), begin, begin + size);
}

template <typename T>
void append(std::vector<uint8_t>& out, T value) {
  append_bytes(out, &value, sizeof value);  // little-endian machines only, as byte_reader.h asserts
}

void append_string(std::vector<uint8_t>& out, std::string_view text) {
  append<uint64_t>(out, text.size());
  append_bytes(out, text.data(), text.size());
}

void pad(std::vector<uint8_t>& out) {
  while (out.size() % kDefaultAlignment != 0) out.push_back(0);
}

template <typename T>
void append_array(std::vector<uint8_t>& out, GgufType element, std::span<const T> values) {
  append(out, static_cast<uint32_t>(element));
  append<uint64_t>(out, values.size());
  append_bytes(out, values.data(), values.size_bytes());
}

}  // namespace

void GgufWriter::begin_entry(std::string_view key, GgufType type) {
  append_string(metadata_, key);
  append(metadata_, static_cast<uint32_t>(type));
  ++metadata_count_;
}

void GgufWriter::add_u32(std::string_view key, uint32_t value) {
  begin_entry(key, GgufType::kUint32);
  append(metadata_, value);
}

void GgufWriter::add_u64(std::string_view key, uint64_t value) {
  begin_entry(key, GgufType::kUint64);
  append(metadata_, value);
}

void GgufWriter::add_i32(std::string_view key, int32_t value) {
  begin_entry(key, GgufType::kInt32);
  append(metadata_, value);
}

void GgufWriter::add_f32(std::string_view key, float value) {
  begin_entry(key, GgufType::kFloat32);
  append(metadata_, value);
}

void GgufWriter::add_bool(std::string_view key, bool value) {
  begin_entry(key, GgufType::kBool);
  append<uint8_t>(metadata_, value ? 1 : 0);
}

void GgufWriter::add_string(std::string_view key, std::string_view value) {
  begin_entry(key, GgufType::kString);
  append_string(metadata_, value);
}

void GgufWriter::add_string_array(std::string_view key, std::span<const std::string> values) {
  begin_entry(key, GgufType::kArray);
  append(metadata_, static_cast<uint32_t>(GgufType::kString));
  append<uint64_t>(metadata_, values.size());
  for (const std::string& value : values) append_string(metadata_, value);
}

void GgufWriter::add_i32_array(std::string_view key, std::span<const int32_t> values) {
  begin_entry(key, GgufType::kArray);
  append_array(metadata_, GgufType::kInt32, values);
}

void GgufWriter::add_f32_array(std::string_view key, std::span<const float> values) {
  begin_entry(key, GgufType::kArray);
  append_array(metadata_, GgufType::kFloat32, values);
}

void GgufWriter::add_entry(const MetadataEntry& entry) {
  begin_entry(entry.key, entry.type);
  if (entry.type == GgufType::kArray) {
    append(metadata_, static_cast<uint32_t>(entry.element_type));
    append(metadata_, entry.count);
  } else if (entry.type == GgufType::kString) {
    append<uint64_t>(metadata_, entry.payload.size());
  }
  append_bytes(metadata_, entry.payload.data(), entry.payload.size());
}

void GgufWriter::add_tensor(std::string_view name, DType dtype, std::span<const uint64_t> shape,
                            std::vector<uint8_t> data) {
  tensors_.push_back({std::string(name), dtype, {shape.begin(), shape.end()}, std::move(data)});
}

void GgufWriter::add_tensor_f32(std::string_view name, DType dtype, std::span<const uint64_t> shape,
                                std::span<const float> values) {
  add_tensor(name, dtype, shape, encode_tensor(dtype, values));
}

Result<std::vector<uint8_t>> GgufWriter::finish() const {
  std::vector<uint8_t> out;
  append_bytes(out, "GGUF", 4);
  append(out, kVersion);
  append<uint64_t>(out, tensors_.size());
  append(out, metadata_count_);
  append_bytes(out, metadata_.data(), metadata_.size());

  uint64_t offset = 0;  // from the start of the data section
  for (const Tensor& tensor : tensors_) {
    append_string(out, tensor.name);
    append(out, static_cast<uint32_t>(tensor.shape.size()));
    for (uint64_t length : tensor.shape) append(out, length);
    append(out, static_cast<uint32_t>(tensor.dtype));
    append(out, offset);
    offset += (tensor.data.size() + kDefaultAlignment - 1) / kDefaultAlignment * kDefaultAlignment;
  }
  pad(out);
  for (const Tensor& tensor : tensors_) {
    append_bytes(out, tensor.data.data(), tensor.data.size());
    pad(out);
  }

  STUDIO_TRY(GgufFile check, GgufFile::parse(out));
  if (check.alignment() != kDefaultAlignment) {
    return Error(Code::kInvalidArgument, "GGUF: files are written with an alignment of 32 alone");
  }
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (check.tensors()[i].data.size() != tensors_[i].data.size()) {
      return Error(Code::kInvalidArgument, "GGUF: tensor " + tensors_[i].name + " has " +
                                               std::to_string(tensors_[i].data.size()) + " bytes, its shape wants " +
                                               std::to_string(check.tensors()[i].data.size()));
    }
  }
  return out;
}

Status GgufWriter::write(const std::string& path) const {
  STUDIO_TRY(std::vector<uint8_t> bytes, finish());
  return write_file_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 0644);
}

}  // namespace studio::engine
