#include "engine/formats/safetensors.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <optional>
#include <utility>

#include "base/json.h"
#include "engine/formats/byte_reader.h"
#include "engine/formats/model_source.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr size_t kHeaderDepth = 4;  // root, tensor, shape; __metadata__ is no deeper

constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}};

Error corrupt_safetensors(const std::string& text) {
  return Error(Code::kCorruptData, "safetensors: " + text);
}

// A whole number at or above 0, however the JSON reader holds it.
std::optional<uint64_t> count_of(const json::value& value) {
  if (const int64_t* number = value.if_int64(); number != nullptr && *number >= 0)
    return static_cast<uint64_t>(*number);
  if (const uint64_t* number = value.if_uint64()) return *number;
  return std::nullopt;
}

std::optional<std::vector<uint64_t>> counts_of(const json::value* value) {
  const json::array* list = value != nullptr ? value->if_array() : nullptr;
  if (list == nullptr || list->size() > kMaxDims) return std::nullopt;
  std::vector<uint64_t> counts;
  for (const json::value& item : *list) {
    const auto count = count_of(item);
    if (!count) return std::nullopt;
    counts.push_back(*count);
  }
  return counts;
}

constexpr std::string_view kWholeNumbers = "I64";
constexpr uint64_t kWholeNumberBytes = 8;

std::string_view type_text(const json::object& entry) {
  const json::value* value = entry.if_contains("dtype");
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

Result<DType> read_type(const json::object& entry, const std::string& name) {
  const std::string_view text = type_text(entry);
  if (text.empty()) return corrupt_safetensors("tensor " + name + " has no dtype");
  for (const auto& [known, type] : kTypes) {
    if (text == known) return type;
  }
  return Error(Code::kUnimplemented, "safetensors: tensor " + name + " has the dtype " + quoted(text) +
                                         ", which is not read; F32, F16 and BF16 are");
}

// is_buffer: whole numbers will do, which nobody reads.
Result<SafetensorsTensor> read_tensor(std::string_view key, const json::value& value, uint64_t data_start,
                                      uint64_t file_bytes, bool is_buffer) {
  const std::string name = quoted(key);
  if (key.empty() || key.size() > kMaxSafetensorsNameBytes) {
    return corrupt_safetensors("the tensor name " + name + " is empty or too long");
  }
  const json::object* entry = value.if_object();
  if (entry == nullptr) return corrupt_safetensors("the entry of tensor " + name + " is no object");
  if (entry->size() != 3) return corrupt_safetensors("tensor " + name + " needs dtype, shape and data_offsets alone");

  SafetensorsTensor tensor;
  tensor.name = std::string(key);
  std::optional<uint64_t> size = kWholeNumberBytes;
  if (!is_buffer || type_text(*entry) != kWholeNumbers) {
    STUDIO_TRY(tensor.dtype, read_type(*entry, name));
    size = block_bytes(tensor.dtype);
  }
  auto shape = counts_of(entry->if_contains("shape"));
  if (!shape || shape->empty()) {
    return corrupt_safetensors("the shape of tensor " + name + " is no list of 1 to 4 whole numbers");
  }
  for (const uint64_t length : *shape) {
    if (length == 0) return corrupt_safetensors("tensor " + name + " has a dimension of 0");
    if (size) size = checked_multiply(*size, length);
  }
  if (!size) return corrupt_safetensors("the size of tensor " + name + " overflows 64 bits");
  tensor.shape = std::move(*shape);

  const auto offsets = counts_of(entry->if_contains("data_offsets"));
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1]) {
    return corrupt_safetensors("the data_offsets of tensor " + name + " are no pair of begin and end");
  }
  if ((*offsets)[1] - (*offsets)[0] != *size) {
    return corrupt_safetensors("tensor " + name + " has " + std::to_string((*offsets)[1] - (*offsets)[0]) +
                               " bytes, its shape and dtype want " + std::to_string(*size));
  }
  const auto start = checked_add(data_start, (*offsets)[0]);
  const auto extent = start ? Extent::prove(*start, *size, file_bytes) : std::nullopt;
  if (!extent) return corrupt_safetensors("tensor " + name + " runs past the end of the file");
  tensor.offset = extent->offset();
  tensor.size = extent->size();
  return tensor;
}

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status check_metadata(const json::value& value) {
  const json::object* entries = value.if_object();
  if (entries == nullptr) return corrupt_safetensors("__metadata__ is no object");
  for (const auto& [key, text] : *entries) {
    if (!text.is_string()) return corrupt_safetensors("__metadata__ entry " + quoted(key) + " is no text");
  }
  return Ok{};
}

// Sorted by place, the tensors are the data section, byte for byte.
Status check_cover(std::span<const SafetensorsTensor> tensors, uint64_t data_start, uint64_t file_bytes) {
  uint64_t at = data_start;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.offset != at) {
      return corrupt_safetensors("tensor " + quoted(tensor.name) +
                                 (tensor.offset < at ? " overlaps the one before it" : " leaves a hole before it"));
    }
    at += tensor.size;  // proved inside the file
  }
  if (at != file_bytes) {
    return corrupt_safetensors("the file has " + std::to_string(file_bytes - at) + " bytes that belong to no tensor");
  }
  return Ok{};
}

// The header's length, proved against the file.
Result<uint64_t> header_length(std::span<const uint8_t> bytes, uint64_t file_bytes) {
  ByteReader reader(bytes);
  const auto length = reader.read<uint64_t>();
  if (!length) return corrupt_safetensors("the file ends inside the length of its header");
  if (*length > kMaxSafetensorsHeaderBytes) {
    return corrupt_safetensors("the header claims " + std::to_string(*length) + " bytes, over the limit of " +
                               std::to_string(kMaxSafetensorsHeaderBytes));
  }
  if (!Extent::prove(kSafetensorsLengthBytes, *length, file_bytes)) {
    return corrupt_safetensors("the header claims " + std::to_string(*length) + " bytes, the file has " +
                               std::to_string(file_bytes) + " in all");
  }
  return *length;
}

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Status SafetensorsFile::read(std::string_view header, uint64_t file_bytes, std::span<const std::string_view> buffers) {
  if (header.empty() || header.front() != '{') return corrupt_safetensors("the header does not begin with '{'");
  auto document = parse_json(header, {.depth = kHeaderDepth, .bytes = kMaxSafetensorsHeaderBytes});
  if (!document.ok()) return corrupt_safetensors("the header is no JSON we accept: " + document.error().message());
  const json::object* root = document->if_object();
  if (root == nullptr) return corrupt_safetensors("the header is no object");
  if (root->size() > kMaxTensors) return corrupt_safetensors("the header lists over 65536 tensors");

  const uint64_t data_start = kSafetensorsLengthBytes + header.size();
  for (const auto& [name, value] : *root) {
    if (name == "__metadata__") {
      STUDIO_CHECK_OK(check_metadata(value));
      continue;
    }
    STUDIO_TRY(auto tensor, read_tensor(name, value, data_start, file_bytes, is_one_of(buffers, name)));
    tensors_.push_back(std::move(tensor));
  }
  std::sort(tensors_.begin(), tensors_.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  STUDIO_CHECK_OK(check_cover(tensors_, data_start, file_bytes));
  std::erase_if(tensors_, [&](const SafetensorsTensor& tensor) { return is_one_of(buffers, tensor.name); });
  return Ok{};
}

void SafetensorsFile::attach(std::span<const uint8_t> bytes) {
  for (SafetensorsTensor& tensor : tensors_) tensor.data = bytes.subspan(tensor.offset, tensor.size);
}

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const uint8_t> bytes,
                                               std::span<const std::string_view> buffers) {
  STUDIO_TRY(const uint64_t length, header_length(bytes, bytes.size()));
  SafetensorsFile file;
  STUDIO_CHECK_OK(file.read(text_of(bytes.subspan(kSafetensorsLengthBytes, length)), bytes.size(), buffers));
  file.attach(bytes);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string& path, std::span<const std::string_view> buffers) {
  STUDIO_TRY(auto mapping, MappedFile::open(path));
  auto file = parse(mapping.bytes(), buffers);
  if (!file.ok()) return in_file(path, std::move(file).error());
  file->mapping_ = std::move(mapping);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::read_header(const std::string& path,
                                                     std::span<const std::string_view> buffers) {
  auto read_it = [&]() -> Result<SafetensorsFile> {
    STUDIO_TRY(auto bytes, UnmappedFile::open(path));
    STUDIO_TRY(auto prefix, bytes.read(0, std::min(kSafetensorsLengthBytes, bytes.size())));
    STUDIO_TRY(const uint64_t length, header_length(prefix, bytes.size()));
    STUDIO_TRY(auto header, bytes.read(kSafetensorsLengthBytes, length));
    SafetensorsFile file;
    STUDIO_CHECK_OK(file.read(text_of(header), bytes.size(), buffers));
    return file;
  };
  auto file = read_it();
  if (!file.ok()) return in_file(path, std::move(file).error());
  return file;
}

}  // namespace studio::engine
