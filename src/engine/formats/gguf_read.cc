// Reading a GGUF file from the first byte to the last extent. Order matters: nothing is used before it is proved.
#include <algorithm>
#include <utility>

#include "engine/formats/byte_reader.h"
#include "engine/formats/gguf.h"
#include "engine/formats/gguf_internal.h"

namespace studio::engine {
namespace {

constexpr uint32_t kMagic = 0x46554747;                      // "GGUF"
constexpr uint64_t kSmallestEntry = 8 + 4 + 1;               // key length, type, a value of one byte
constexpr uint64_t kSmallestTensorInfo = 8 + 4 + 8 + 4 + 8;  // name length, n_dims, one dimension, type, offset

struct Header {
  uint32_t version;
  uint64_t tensor_count;
  uint64_t metadata_count;
};

// A tensor as declared; start is where it lies in the file, once that is proved.
struct Declared {
  TensorInfo info;
  uint64_t offset;  // from the start of the data section
  uint64_t size;
  uint64_t start;
};

Result<Header> read_header(ByteReader& reader) {
  auto magic = reader.read<uint32_t>();
  if (!magic || *magic != kMagic) return corrupt("the file does not start with the GGUF magic");
  auto version = reader.read<uint32_t>();
  if (!version) return corrupt("the file ends inside its header");
  if (*version == 2u << 24 || *version == 3u << 24) {
    return Error(Code::kUnimplemented, "GGUF: big-endian files are not read");
  }
  if (*version != 2 && *version != 3) {
    return Error(Code::kUnimplemented, "GGUF: version " + std::to_string(*version) + " is not read, only 2 and 3");
  }
  auto tensors = reader.read<uint64_t>();
  auto entries = reader.read<uint64_t>();
  if (!tensors || !entries) return corrupt("the file ends inside its header");
  if (*tensors > kMaxTensors) return corrupt("the file declares " + std::to_string(*tensors) + " tensors");
  if (*entries > kMaxMetadataEntries)
    return corrupt("the file declares " + std::to_string(*entries) + " metadata keys");
  // At most 2^16 each, so the products stand far below 2^64.
  if (*tensors * kSmallestTensorInfo + *entries * kSmallestEntry > reader.remaining()) {
    return corrupt("the file is too short for the tensors and metadata it declares");
  }
  return Header{*version, *tensors, *entries};
}

// Booleans are one byte, 0 or 1; any other is a damaged file, and undefined behaviour in whoever copies it to a bool.
bool all_booleans(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte <= 1; });
}

// The bytes of `count` values of a type that is not an array.
Result<std::span<const uint8_t>> read_elements(ByteReader& reader, std::span<const uint8_t> file, GgufType type,
                                               uint64_t count, std::string_view key) {
  if (type == GgufType::kString) {
    const uint64_t start = reader.position(), passed = reader.skip_strings(count, kMaxStringBytes);
    if (passed < count) {
      return corrupt("string " + std::to_string(passed) + " of " + quoted(key) + " is too long or runs past the file");
    }
    return file.subspan(start, reader.position() - start);
  }
  auto size = checked_multiply(count, fixed_size(type));
  auto bytes = size ? reader.read_bytes(*size) : std::nullopt;
  if (!bytes) return corrupt("the value of " + quoted(key) + " runs past the end of the file");
  if (type == GgufType::kBool && !all_booleans(*bytes)) {
    return corrupt(quoted(key) + " holds a boolean that is neither 0 nor 1");
  }
  return *bytes;
}

Result<GgufType> read_type(ByteReader& reader, std::string_view key) {
  auto id = reader.read<uint32_t>();
  if (!id) return corrupt("the file ends inside the metadata key " + quoted(key));
  if (*id > static_cast<uint32_t>(GgufType::kFloat64)) {
    return corrupt(quoted(key) + " has the unknown value type " + std::to_string(*id));
  }
  return static_cast<GgufType>(*id);
}

Result<MetadataEntry> read_entry(ByteReader& reader, std::span<const uint8_t> file, uint64_t index) {
  auto key = reader.read_string(kMaxKeyBytes);
  if (!key) return corrupt("metadata key " + std::to_string(index) + " is too long or runs past the end of the file");
  if (key->empty()) return corrupt("metadata key " + std::to_string(index) + " is empty");
  STUDIO_TRY(GgufType type, read_type(reader, *key));

  MetadataEntry entry{*key, type, type, 1, {}};
  if (type == GgufType::kArray) {
    STUDIO_TRY(entry.element_type, read_type(reader, *key));
    if (entry.element_type == GgufType::kArray) {
      return Error(Code::kUnimplemented, "GGUF: " + quoted(*key) + " is an array of arrays");
    }
    auto count = reader.read<uint64_t>();
    if (!count) return corrupt("the file ends inside the metadata key " + quoted(*key));
    if (*count > kMaxArrayElements) {
      return corrupt(quoted(*key) + " declares an array of " + std::to_string(*count) + " elements");
    }
    entry.count = *count;
    STUDIO_TRY(entry.payload, read_elements(reader, file, entry.element_type, *count, *key));
    return entry;
  }
  if (type == GgufType::kString) {
    auto text = reader.read_string(kMaxStringBytes);
    if (!text) return corrupt("the string of " + quoted(*key) + " is too long or runs past the end of the file");
    entry.payload = {reinterpret_cast<const uint8_t*>(text->data()), text->size()};
    return entry;
  }
  STUDIO_TRY(entry.payload, read_elements(reader, file, type, 1, *key));
  return entry;
}

Status read_shape(ByteReader& reader, TensorInfo& info) {
  auto n_dims = reader.read<uint32_t>();
  if (!n_dims) return corrupt("the file ends inside tensor " + quoted(info.name));
  if (*n_dims == 0 || *n_dims > kMaxDims) {
    return corrupt("tensor " + quoted(info.name) + " has " + std::to_string(*n_dims) + " dimensions, not 1 to 4");
  }
  info.n_dims = static_cast<int>(*n_dims);
  for (uint32_t i = 0; i < *n_dims; ++i) {
    auto length = reader.read<uint64_t>();
    if (!length) return corrupt("the file ends inside tensor " + quoted(info.name));
    if (*length == 0) return corrupt("tensor " + quoted(info.name) + " has a dimension of 0");
    info.shape[i] = *length;
  }
  return Ok{};
}

// Bytes of the whole tensor; its row length must be whole blocks.
Result<uint64_t> tensor_size(const TensorInfo& info) {
  uint64_t per_block = block_elements(info.dtype);
  if (info.shape[0] % per_block != 0) {
    return corrupt("tensor " + quoted(info.name) + " has rows of " + std::to_string(info.shape[0]) +
                   " elements, not a multiple of the " + std::to_string(per_block) + " of a " +
                   std::string(dtype_name(info.dtype)) + " block");
  }
  std::optional<uint64_t> size = checked_multiply(info.shape[0] / per_block, block_bytes(info.dtype));
  for (size_t i = 1; i < info.shape.size() && size; ++i) size = checked_multiply(*size, info.shape[i]);
  if (!size) return corrupt("the size of tensor " + quoted(info.name) + " overflows 64 bits");
  return *size;
}

Result<Declared> read_tensor_info(ByteReader& reader, uint64_t index, uint64_t alignment) {
  auto name = reader.read_string(kMaxTensorNameBytes);
  if (!name) return corrupt("the name of tensor " + std::to_string(index) + " is too long or runs past the file");
  if (name->empty()) return corrupt("tensor " + std::to_string(index) + " has no name");

  Declared tensor{{*name, DType::kF32, {1, 1, 1, 1}, 0, {}}, 0, 0, 0};
  STUDIO_CHECK_OK(read_shape(reader, tensor.info));
  auto type_id = reader.read<uint32_t>();
  auto offset = reader.read<uint64_t>();
  if (!type_id || !offset) return corrupt("the file ends inside tensor " + quoted(*name));
  auto dtype = dtype_from_id(*type_id);
  if (!dtype) {
    return Error(Code::kUnimplemented, "GGUF: tensor " + quoted(*name) + " has type " + std::to_string(*type_id) +
                                           " (" + std::string(known_type_name(*type_id)) + "), which is not read");
  }
  if (*offset % alignment != 0) {
    return corrupt("the offset of tensor " + quoted(*name) + " is not a multiple of the alignment " +
                   std::to_string(alignment));
  }
  tensor.info.dtype = *dtype;
  tensor.offset = *offset;
  STUDIO_TRY(tensor.size, tensor_size(tensor.info));
  return tensor;
}

// Proves every tensor inside the file, given where the tensor list ends. The data section starts at the next multiple
// of the alignment; it may be missing if no tensor wants it. Where bytes are the file's head alone, there is no data.
Status place_tensors(std::span<Declared> tensors, std::span<const uint8_t> bytes, uint64_t file_bytes,
                     uint64_t list_end, uint64_t alignment) {
  auto section = checked_align_up(list_end, alignment);
  for (Declared& tensor : tensors) {
    auto start = section ? checked_add(*section, tensor.offset) : std::nullopt;
    auto extent = start ? Extent::prove(*start, tensor.size, file_bytes) : std::nullopt;
    if (!extent) return corrupt("tensor " + quoted(tensor.info.name) + " runs past the end of the file");
    tensor.start = extent->offset();
    if (bytes.size() == file_bytes) tensor.info.data = extent->of(bytes);
  }
  return Ok{};
}

Status check_no_overlap(std::span<const Declared> tensors) {
  std::vector<const Declared*> by_place;
  by_place.reserve(tensors.size());
  for (const Declared& tensor : tensors) by_place.push_back(&tensor);
  std::sort(by_place.begin(), by_place.end(), [](const Declared* a, const Declared* b) { return a->start < b->start; });
  for (size_t i = 1; i < by_place.size(); ++i) {
    const Declared& before = *by_place[i - 1];
    if (by_place[i]->start - before.start < before.size) {
      return corrupt("tensors " + quoted(before.info.name) + " and " + quoted(by_place[i]->info.name) + " overlap");
    }
  }
  return Ok{};
}

Result<uint64_t> read_alignment(const GgufFile& file) {
  STUDIO_TRY(std::optional<uint64_t> declared, file.find_u64("general.alignment"));
  uint64_t alignment = declared.value_or(kDefaultAlignment);
  if (alignment < kMinAlignment || alignment > kMaxAlignment || !std::has_single_bit(alignment)) {
    return corrupt("\"general.alignment\" is " + std::to_string(alignment) + ", not a power of two from 8 to 65536");
  }
  return alignment;
}

}  // namespace

Status GgufFile::read_everything(std::span<const uint8_t> bytes, uint64_t file_bytes) {
  file_bytes_ = file_bytes;
  ByteReader reader(bytes);
  STUDIO_TRY(Header header, read_header(reader));
  version_ = header.version;

  metadata_.reserve(header.metadata_count);  // proved to fit into the file
  for (uint64_t i = 0; i < header.metadata_count; ++i) {
    STUDIO_TRY(MetadataEntry entry, read_entry(reader, bytes, i));
    metadata_.push_back(entry);
  }
  STUDIO_CHECK_OK(index_metadata());
  STUDIO_TRY(alignment_, read_alignment(*this));

  std::vector<Declared> declared;
  declared.reserve(header.tensor_count);
  for (uint64_t i = 0; i < header.tensor_count; ++i) {
    STUDIO_TRY(Declared tensor, read_tensor_info(reader, i, alignment_));
    declared.push_back(tensor);
  }
  STUDIO_CHECK_OK(place_tensors(declared, bytes, file_bytes, reader.position(), alignment_));

  tensors_.reserve(declared.size());
  for (const Declared& tensor : declared) tensors_.push_back(tensor.info);
  STUDIO_CHECK_OK(index_tensors());
  return check_no_overlap(declared);
}

}  // namespace studio::engine
