#include "engine/formats/panel_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/file.h"
#include "engine/formats/byte_reader.h"
#include "engine/formats/gguf.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

constexpr size_t kDigestAt = 32;  // of the preamble
constexpr uint64_t kMaxPages = std::numeric_limits<int32_t>::max();

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "panel file: " + text);
}

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of the preamble before the digest, and the head.
Sha256Digest head_digest(std::span<const uint8_t> preamble, std::span<const uint8_t> head) {
  Sha256 digest;
  digest.update(text_of(preamble.first(kDigestAt)));
  digest.update(text_of(head));
  return digest.finish();
}

// The head's length, proved against the file.
Result<uint64_t> read_preamble(std::span<const uint8_t> bytes, uint64_t file_bytes) {
  ByteReader reader(bytes);
  const auto magic = reader.read_bytes(kPanelMagic.size());
  if (!magic || text_of(*magic) != kPanelMagic) return bad("the file does not begin with " + std::string(kPanelMagic));
  const auto version = reader.read<uint32_t>();
  const auto page = reader.read<uint32_t>();
  const auto head_bytes = reader.read<uint64_t>();
  const auto whole = reader.read<uint64_t>();
  if (!version || !page || !head_bytes || !whole || !reader.read_bytes(32))
    return bad("the file ends inside its preamble");
  if (*version != kPanelVersion) {
    return Error(Code::kUnimplemented, "panel file: version " + std::to_string(*version) + " is not read, only " +
                                           std::to_string(kPanelVersion) + "; import the model anew");
  }
  if (*page != kPanelPage) return bad("its pages have " + std::to_string(*page) + " bytes, not 4096");
  if (*whole != file_bytes) {
    return bad("it is " + std::to_string(file_bytes) + " bytes long where its preamble says " + std::to_string(*whole));
  }
  if (*head_bytes > kMaxHeadBytes || !Extent::prove(kPanelPreambleBytes, *head_bytes, file_bytes)) {
    return bad("its head of " + std::to_string(*head_bytes) + " bytes does not fit");
  }
  return *head_bytes;
}

struct Columns {
  std::vector<std::string_view> names, digests;
  std::vector<int32_t> types, shapes, pages, lines;
};

Result<Columns> read_columns(const ModelSource& head) {
  Columns columns;
  STUDIO_TRY(columns.names, head.get_string_array(kPanelNamesKey));
  STUDIO_TRY(columns.types, head.get_i32_array(kPanelTypesKey));
  STUDIO_TRY(columns.shapes, head.get_i32_array(kPanelShapesKey));
  STUDIO_TRY(columns.pages, head.get_i32_array(kPanelPagesKey));
  STUDIO_TRY(columns.lines, head.get_i32_array(kPanelLinesKey));
  STUDIO_TRY(columns.digests, head.get_string_array(kPanelDigestsKey));
  const size_t count = columns.names.size();
  if (count > kMaxTensors) return bad("the head lists over 65536 tensors");
  if (columns.types.size() != count || columns.shapes.size() != 2 * count || columns.pages.size() != count ||
      columns.lines.size() != count || columns.digests.size() != count) {
    return bad("the lists of its tensors differ in length");
  }
  return columns;
}

struct ProvedHead {
  std::span<const uint8_t> bytes;
  Sha256Digest digest;
};

class PanelFile : public ModelSource {
 public:
  PanelFile() : ModelSource("panels") {}

  // The head is proved to lie in the file and to have its digest; where `bytes` is the whole file, tensors get their
  // data.
  Status read(const ProvedHead& proved, std::span<const uint8_t> bytes, uint64_t file_bytes) {
    const std::span<const uint8_t> head = proved.bytes;
    digest_ = proved.digest;
    STUDIO_TRY(const GgufFile metadata, GgufFile::parse(head));
    if (!metadata.tensors().empty()) return bad("its head has tensors of its own");
    metadata_.assign(metadata.metadata().begin(), metadata.metadata().end());
    STUDIO_CHECK_OK(index_metadata());
    STUDIO_TRY(const std::string_view found, get_string(kPanelLayoutKey));
    if (found != kPanelLayoutName) {
      return Error(Code::kUnimplemented, "panel file: the layout " + quoted(found) + " is not read, only " +
                                             quoted(kPanelLayoutName) + "; import the model anew");
    }
    STUDIO_TRY(const Columns columns, read_columns(*this));
    uint64_t last_end = kPanelPreambleBytes + head.size();
    for (size_t i = 0; i < columns.names.size(); ++i) {
      STUDIO_TRY(const Extent extent, add(columns, i, file_bytes));
      // In the order of the file: one pass shows that none overlaps another or the head.
      if (extent.offset() < last_end) return bad("tensor " + quoted(columns.names[i]) + " overlaps what is before it");
      last_end = extent.end();
      if (bytes.size() == file_bytes) tensors_.back().data = extent.of(bytes);
    }
    return index_tensors();
  }

  void own(MappedFile mapping) { mappings_.push_back(std::move(mapping)); }
  void own(std::vector<uint8_t> memory) { memory_.push_back(std::move(memory)); }

 private:
  Result<Extent> add(const Columns& columns, size_t i, uint64_t file_bytes) {
    const std::string name = "tensor " + quoted(columns.names[i]);
    if (columns.names[i].empty() || columns.names[i].size() > kMaxTensorNameBytes)
      return bad(name + " has no fit name");
    const auto dtype = columns.types[i] < 0 ? std::nullopt : dtype_from_id(static_cast<uint32_t>(columns.types[i]));
    if (!dtype) return bad(name + " has a type that is not read");
    const int32_t width = columns.shapes[2 * i], rows = columns.shapes[2 * i + 1];
    if (width < 1 || rows < 0 || columns.pages[i] < 0 || columns.lines[i] < 0)
      return bad(name + " has a negative size");

    TensorInfo info{.name = columns.names[i],
                    .dtype = *dtype,
                    .shape = {static_cast<uint64_t>(width), std::max<uint64_t>(1, static_cast<uint64_t>(rows)), 1, 1},
                    .n_dims = rows == 0 ? 1 : 2,
                    .data = {}};
    uint64_t size = static_cast<uint64_t>(columns.lines[i]) * kPanelLine;
    if (rows == 0) {  // a vector
      if (*dtype != DType::kF32) return bad(name + " is a vector of another type than F32");
      size = row_bytes(*dtype, static_cast<size_t>(width));
    } else {
      info.order = TensorOrder::kPanels;
      if (static_cast<size_t>(width) % block_elements(*dtype) != 0) return bad(name + " has rows of no whole blocks");
    }
    const auto extent = Extent::prove(static_cast<uint64_t>(columns.pages[i]) * kPanelPage, size, file_bytes);
    if (!extent) return bad(name + " runs past the end of the file");
    tensors_.push_back(info);
    return *extent;
  }
};

Result<ProvedHead> proved_head(std::span<const uint8_t> bytes, uint64_t head_bytes) {
  const auto preamble = bytes.first(kPanelPreambleBytes);
  const auto head = bytes.subspan(kPanelPreambleBytes, head_bytes);
  const Sha256Digest digest = head_digest(preamble, head);
  if (!std::equal(digest.begin(), digest.end(), preamble.begin() + kDigestAt)) {
    return bad("its head does not match its digest; import the model anew");
  }
  return ProvedHead{head, digest};
}

Result<PanelFile> parse(std::span<const uint8_t> bytes) {
  STUDIO_TRY(const uint64_t head_bytes, read_preamble(bytes, bytes.size()));
  STUDIO_TRY(const auto head, proved_head(bytes, head_bytes));
  PanelFile file;
  STUDIO_CHECK_OK(file.read(head, bytes, bytes.size()));
  return file;
}

}  // namespace

bool is_panel_file(std::span<const uint8_t> first_bytes) {
  return first_bytes.size() >= kPanelMagic.size() && text_of(first_bytes.first(kPanelMagic.size())) == kPanelMagic;
}

Result<ModelSource> parse_panel_file(std::span<const uint8_t> bytes) {
  STUDIO_TRY(auto file, parse(bytes));
  return ModelSource(std::move(file));
}

Result<ModelSource> open_panel_file(const std::string& path) {
  STUDIO_TRY(auto mapping, MappedFile::open(path));
  mapping.ask_for_large_pages();
  auto file = parse(mapping.bytes());
  if (!file.ok()) return in_file(path, std::move(file).error());
  file->own(std::move(mapping));
  return ModelSource(std::move(*file));
}

Result<ModelSource> read_panel_head(const std::string& path) {
  auto read_it = [&]() -> Result<PanelFile> {
    STUDIO_TRY(auto bytes, UnmappedFile::open(path));
    STUDIO_TRY(auto preamble, bytes.read(0, std::min(kPanelPreambleBytes, bytes.size())));
    STUDIO_TRY(const uint64_t head_bytes, read_preamble(preamble, bytes.size()));
    STUDIO_TRY(auto start, bytes.read(0, kPanelPreambleBytes + head_bytes));
    STUDIO_TRY(const auto head, proved_head(start, head_bytes));
    PanelFile file;
    STUDIO_CHECK_OK(file.read(head, {}, bytes.size()));
    file.own(std::move(start));
    return file;
  };
  auto file = read_it();
  if (!file.ok()) return in_file(path, std::move(file).error());
  return ModelSource(std::move(*file));
}

Result<std::vector<uint8_t>> panel_file_head(GgufWriter metadata, std::span<const PanelEntry> entries,
                                             uint64_t file_bytes) {
  std::vector<std::string> names, digests;
  std::vector<int32_t> types, shapes, pages, lines;
  for (const PanelEntry& entry : entries) {
    const uint64_t rows = entry.n_dims == 1 ? 0 : entry.shape[1];
    if (entry.offset / kPanelPage > kMaxPages || entry.size / kPanelLine > kMaxPages || entry.shape[0] > kMaxPages ||
        rows > kMaxPages || entry.sha256.size() != 64) {
      return Error(Code::kInvalidArgument, "panel file: tensor " + quoted(entry.name) + " is too large");
    }
    names.push_back(entry.name);
    digests.push_back(entry.sha256);
    types.push_back(static_cast<int32_t>(entry.dtype));
    shapes.push_back(static_cast<int32_t>(entry.shape[0]));
    shapes.push_back(static_cast<int32_t>(rows));
    pages.push_back(static_cast<int32_t>(entry.offset / kPanelPage));
    lines.push_back(static_cast<int32_t>(entry.n_dims == 1 ? 0 : entry.size / kPanelLine));
  }
  metadata.add_string_array(kPanelNamesKey, names);
  metadata.add_i32_array(kPanelTypesKey, types);
  metadata.add_i32_array(kPanelShapesKey, shapes);
  metadata.add_i32_array(kPanelPagesKey, pages);
  metadata.add_i32_array(kPanelLinesKey, lines);
  metadata.add_string_array(kPanelDigestsKey, digests);
  STUDIO_TRY(const auto head, metadata.finish());

  std::vector<uint8_t> out(kPanelPreambleBytes);
  const uint32_t version = kPanelVersion, page = kPanelPage;
  const uint64_t head_bytes = head.size();
  std::memcpy(out.data(), kPanelMagic.data(), kPanelMagic.size());
  std::memcpy(out.data() + 8, &version, sizeof version);
  std::memcpy(out.data() + 12, &page, sizeof page);
  std::memcpy(out.data() + 16, &head_bytes, sizeof head_bytes);
  std::memcpy(out.data() + 24, &file_bytes, sizeof file_bytes);
  const Sha256Digest digest = head_digest(out, head);
  std::copy(digest.begin(), digest.end(), out.begin() + kDigestAt);
  out.insert(out.end(), head.begin(), head.end());
  out.resize((out.size() + kPanelPage - 1) / kPanelPage * kPanelPage);
  return out;
}

std::optional<FilePart> panel_vocabulary(const ModelSource& panels, const std::string& path) {
  if (panels.format() != "panels") return std::nullopt;
  const auto offset = panels.find_u64(kPanelVocabularyAtKey), bytes = panels.find_u64(kPanelVocabularyBytesKey);
  if (!offset.ok() || !*offset || !bytes.ok() || !*bytes) return std::nullopt;
  return FilePart{path, **offset, **bytes};
}

Status check_panel_digests(const ModelSource& panels) {
  STUDIO_TRY(const auto digests, panels.get_string_array(kPanelDigestsKey));
  for (size_t i = 0; i < panels.tensors().size() && i < digests.size(); ++i) {
    const TensorInfo& tensor = panels.tensors()[i];
    if (to_hex(sha256(text_of(tensor.data))) != digests[i]) {
      return bad("tensor " + quoted(tensor.name) + " does not match its digest; import the model anew");
    }
  }
  return Ok{};
}

}  // namespace studio::engine
