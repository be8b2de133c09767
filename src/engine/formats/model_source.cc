#include "engine/formats/model_source.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/formats/byte_reader.h"
#include "engine/formats/gguf_internal.h"

namespace studio::engine {
namespace {

template <typename T>
T load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// The integer at bytes; nullopt for other types and for what is over 2^63 - 1, which no count or id of a model is.
std::optional<int64_t> integer_at(GgufType type, const uint8_t* bytes) {
  switch (type) {
    case GgufType::kUint8:
      return load<uint8_t>(bytes);
    case GgufType::kInt8:
      return load<int8_t>(bytes);
    case GgufType::kUint16:
      return load<uint16_t>(bytes);
    case GgufType::kInt16:
      return load<int16_t>(bytes);
    case GgufType::kUint32:
      return load<uint32_t>(bytes);
    case GgufType::kInt32:
      return load<int32_t>(bytes);
    case GgufType::kInt64:
      return load<int64_t>(bytes);
    case GgufType::kUint64: {
      uint64_t value = load<uint64_t>(bytes);
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

Error wrong_type(const MetadataEntry& entry, std::string_view wanted) {
  std::string found(gguf_type_name(entry.type));
  if (entry.type == GgufType::kArray) found += " of " + std::string(gguf_type_name(entry.element_type));
  return corrupt(quoted(entry.key) + " is of type " + found + ", not " + std::string(wanted));
}

bool is_array_of(const MetadataEntry& entry, GgufType element) {
  return entry.type == GgufType::kArray && entry.element_type == element;
}

Result<uint64_t> as_u64(const MetadataEntry& entry) {
  if (fixed_size(entry.type) == 0) return wrong_type(entry, "an integer");
  auto value = integer_at(entry.type, entry.payload.data());
  if (!value) return wrong_type(entry, "an integer");
  if (*value < 0) return corrupt(quoted(entry.key) + " is negative");
  return static_cast<uint64_t>(*value);
}

Result<float> as_f32(const MetadataEntry& entry) {
  float value = 0;
  if (entry.type == GgufType::kFloat32) {
    value = load<float>(entry.payload.data());
  } else if (entry.type == GgufType::kFloat64) {
    double wide = load<double>(entry.payload.data());
    // Out of range the conversion would be undefined; NaN fails the comparison too.
    if (!(std::fabs(wide) <= std::numeric_limits<float>::max())) return corrupt(quoted(entry.key) + " is no f32 value");
    value = static_cast<float>(wide);
  } else {
    return wrong_type(entry, "a float");
  }
  if (!std::isfinite(value)) return corrupt(quoted(entry.key) + " is not a finite number");
  return value;
}

Result<bool> as_bool(const MetadataEntry& entry) {
  if (entry.type != GgufType::kBool) return wrong_type(entry, "bool");
  return entry.payload[0] != 0;
}

Result<std::string_view> as_string(const MetadataEntry& entry) {
  if (entry.type != GgufType::kString) return wrong_type(entry, "string");
  return std::string_view(reinterpret_cast<const char*>(entry.payload.data()), entry.payload.size());
}

Result<std::vector<std::string_view>> as_string_array(const MetadataEntry& entry) {
  if (!is_array_of(entry, GgufType::kString)) return wrong_type(entry, "array of string");
  std::vector<std::string_view> strings;
  strings.reserve(entry.count);
  ByteReader reader(entry.payload);
  for (uint64_t i = 0; i < entry.count; ++i) {
    auto text = reader.read_string(kMaxStringBytes);
    if (!text) return Error(Code::kInternal, "GGUF: a string array changed after it was read");
    strings.push_back(*text);
  }
  return strings;
}

Result<std::vector<int32_t>> as_i32_array(const MetadataEntry& entry) {
  uint64_t size = fixed_size(entry.element_type);
  if (entry.type != GgufType::kArray || size == 0) return wrong_type(entry, "array of integers");
  std::vector<int32_t> values;
  values.reserve(entry.count);
  for (uint64_t i = 0; i < entry.count; ++i) {
    auto value = integer_at(entry.element_type, entry.payload.data() + i * size);
    if (!value) return wrong_type(entry, "array of integers");
    if (!std::in_range<int32_t>(*value)) return corrupt("an element of " + quoted(entry.key) + " is no i32 value");
    values.push_back(static_cast<int32_t>(*value));
  }
  return values;
}

Result<std::vector<float>> as_f32_array(const MetadataEntry& entry) {
  if (!is_array_of(entry, GgufType::kFloat32)) return wrong_type(entry, "array of f32");
  std::vector<float> values(entry.count);
  if (!values.empty()) std::memcpy(values.data(), entry.payload.data(), entry.payload.size());
  return values;
}

Error missing(std::string_view key) {
  return corrupt("the metadata key " + quoted(key) + " is missing");
}

template <typename T>
Result<T> required(const ModelSource& file, std::string_view key, Result<T> (*convert)(const MetadataEntry&)) {
  const MetadataEntry* entry = file.find_entry(key);
  if (entry == nullptr) return missing(key);
  return convert(*entry);
}

template <typename T>
Result<std::optional<T>> optional(const ModelSource& file, std::string_view key,
                                  Result<T> (*convert)(const MetadataEntry&)) {
  const MetadataEntry* entry = file.find_entry(key);
  if (entry == nullptr) return std::optional<T>();
  STUDIO_TRY(T value, convert(*entry));
  return std::optional<T>(std::move(value));
}

// The item of that name through the sorted index, or null.
template <typename Item, typename Name>
const Item* find_by_name(const std::vector<Item>& items, const std::vector<uint32_t>& index, Name name,
                         std::string_view wanted) {
  auto at = std::lower_bound(index.begin(), index.end(), wanted,
                             [&](uint32_t i, std::string_view text) { return name(items[i]) < text; });
  if (at == index.end() || name(items[*at]) != wanted) return nullptr;
  return &items[*at];
}

// Indices of items in the order of their names; an error if two are the same.
template <typename Item, typename Name>
Result<std::vector<uint32_t>> index_by_name(std::span<const Item> items, Name name, const char* what) {
  std::vector<uint32_t> index(items.size());
  std::iota(index.begin(), index.end(), 0u);
  std::sort(index.begin(), index.end(), [&](uint32_t a, uint32_t b) { return name(items[a]) < name(items[b]); });
  for (size_t i = 1; i < index.size(); ++i) {
    std::string_view text = name(items[index[i]]);
    if (text == name(items[index[i - 1]])) {
      return corrupt(std::string("the ") + what + " " + quoted(text) + " stands twice in the file");
    }
  }
  return index;
}

}  // namespace

uint64_t fixed_size(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      return 1;
    case GgufType::kUint16:
    case GgufType::kInt16:
      return 2;
    case GgufType::kUint32:
    case GgufType::kInt32:
    case GgufType::kFloat32:
      return 4;
    case GgufType::kUint64:
    case GgufType::kInt64:
    case GgufType::kFloat64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return 0;
}

std::string_view gguf_type_name(GgufType type) {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<uint32_t>(type)];
}

Status ModelSource::index_metadata() {
  STUDIO_TRY(metadata_by_key_, index_by_name(
                                   std::span<const MetadataEntry>(metadata_),
                                   [](const MetadataEntry& entry) { return entry.key; }, "metadata key"));
  return Ok{};
}

Status ModelSource::index_tensors() {
  STUDIO_TRY(tensors_by_name_, index_by_name(
                                   std::span<const TensorInfo>(tensors_),
                                   [](const TensorInfo& tensor) { return tensor.name; }, "tensor"));
  return Ok{};
}

const MetadataEntry* ModelSource::find_entry(std::string_view key) const {
  return find_by_name(metadata_, metadata_by_key_, [](const MetadataEntry& entry) { return entry.key; }, key);
}

const TensorInfo* ModelSource::find_tensor(std::string_view name) const {
  return find_by_name(tensors_, tensors_by_name_, [](const TensorInfo& tensor) { return tensor.name; }, name);
}

Result<const TensorInfo*> ModelSource::get_tensor(std::string_view name) const {
  const TensorInfo* tensor = find_tensor(name);
  if (tensor == nullptr) {
    return Error(Code::kCorruptData, std::string(format_) + ": the tensor " + quoted(name) + " is missing");
  }
  return tensor;
}

Result<uint64_t> ModelSource::get_u64(std::string_view key) const {
  return required(*this, key, as_u64);
}
Result<float> ModelSource::get_f32(std::string_view key) const {
  return required(*this, key, as_f32);
}
Result<bool> ModelSource::get_bool(std::string_view key) const {
  return required(*this, key, as_bool);
}
Result<std::string_view> ModelSource::get_string(std::string_view key) const {
  return required(*this, key, as_string);
}
Result<std::vector<std::string_view>> ModelSource::get_string_array(std::string_view key) const {
  return required(*this, key, as_string_array);
}
Result<std::vector<int32_t>> ModelSource::get_i32_array(std::string_view key) const {
  return required(*this, key, as_i32_array);
}
Result<std::vector<float>> ModelSource::get_f32_array(std::string_view key) const {
  return required(*this, key, as_f32_array);
}

Result<std::optional<uint64_t>> ModelSource::find_u64(std::string_view key) const {
  return optional(*this, key, as_u64);
}
Result<std::optional<float>> ModelSource::find_f32(std::string_view key) const {
  return optional(*this, key, as_f32);
}
Result<std::optional<bool>> ModelSource::find_bool(std::string_view key) const {
  return optional(*this, key, as_bool);
}
Result<std::optional<std::string_view>> ModelSource::find_string(std::string_view key) const {
  return optional(*this, key, as_string);
}
Result<std::optional<std::vector<std::string_view>>> ModelSource::find_string_array(std::string_view key) const {
  return optional(*this, key, as_string_array);
}
Result<std::optional<std::vector<int32_t>>> ModelSource::find_i32_array(std::string_view key) const {
  return optional(*this, key, as_i32_array);
}
Result<std::optional<std::vector<float>>> ModelSource::find_f32_array(std::string_view key) const {
  return optional(*this, key, as_f32_array);
}

}  // namespace studio::engine
