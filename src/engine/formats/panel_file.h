// Panel files: a model repacked for the kernels, to be mapped and used as it lies. docs/formats/panel_file.md.
//
// A head holds all metadata in GGUF's encoding, so that its bounded reader reads this file's too; then come the
// tensors, each at a page's beginning. Files are written by layers/panel_import.h, and are ours alone: another layout,
// another version, a head that does not match its digest are refused, and the model is imported anew. Errors:
// corrupt_data, unimplemented, both naming what is wrong.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// Names the layout of kernels/panel_layout.h; a new name with every change there, so that no file is read wrongly.
inline constexpr std::string_view kPanelLayoutName = "panels16-1";

inline constexpr std::string_view kPanelMagic = "STUDIOPF";
inline constexpr uint32_t kPanelVersion = 1;
inline constexpr uint64_t kPanelPage = 4096;         // tensors begin at its multiples: the smallest page of x86-64
inline constexpr uint64_t kPanelPreambleBytes = 64;  // magic, version, sizes, digest
inline constexpr uint64_t kPanelLine = 64;           // panels are whole lines of the cache

// Keys of the head that are this format's own.
inline constexpr std::string_view kPanelLayoutKey = "studio.panels.layout";
inline constexpr std::string_view kPanelSourceDigestKey = "studio.panels.source.sha256";
inline constexpr std::string_view kPanelSourceFormatKey = "studio.panels.source.format";
inline constexpr std::string_view kPanelQuantiseKey = "studio.panels.quantise";
inline constexpr std::string_view kPanelNamesKey = "studio.panels.tensor.names";
inline constexpr std::string_view kPanelTypesKey = "studio.panels.tensor.types";
inline constexpr std::string_view kPanelShapesKey = "studio.panels.tensor.shapes";
inline constexpr std::string_view kPanelPagesKey = "studio.panels.tensor.pages";
inline constexpr std::string_view kPanelLinesKey = "studio.panels.tensor.lines";
inline constexpr std::string_view kPanelDigestsKey = "studio.panels.tensor.sha256";

inline constexpr std::string_view kPanelVocabularyAtKey = "studio.panels.vocabulary.offset";
inline constexpr std::string_view kPanelVocabularyBytesKey = "studio.panels.vocabulary.bytes";
inline constexpr std::string_view kPanelVocabularyDigestKey = "studio.panels.vocabulary.sha256";

// Some bytes of a file, which are proved by whoever reads them.
struct FilePart {
  std::string path;
  uint64_t offset = 0, bytes = 0;
};

// What the head says of one tensor.
struct PanelEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::array<uint64_t, 2> shape = {1, 1};  // ne order: row length, rows
  int n_dims = 1;                          // 1: a vector, F32, as rows; 2: a matrix, as panels
  uint64_t offset = 0;                     // from the file's beginning; a multiple of kPanelPage
  uint64_t size = 0;
  std::string sha256;  // of the data, 64 hexadecimal digits
};

Result<ModelSource> open_panel_file(const std::string& path);
// The head alone, nothing mapped, no tensor with data.
Result<ModelSource> read_panel_head(const std::string& path);
// The bytes must outlive the result.
Result<ModelSource> parse_panel_file(std::span<const uint8_t> bytes);

bool is_panel_file(std::span<const uint8_t> first_bytes);

// The file up to its first tensor: preamble, head, zeros up to a page. `metadata` holds all keys but the tensors'.
// Its size depends on the entries' names alone, so offsets may be known before the digests are.
Result<std::vector<uint8_t>> panel_file_head(GgufWriter metadata, std::span<const PanelEntry> entries,
                                             uint64_t file_bytes);

// Where the tables of its vocabulary lie (docs/formats/vocabulary_tables.md), in a panel file that is opened or whose
// head is read; nothing for other files and for those without. Tables that are not whole are their reader's matter.
std::optional<FilePart> panel_vocabulary(const ModelSource& panels, const std::string& path);

// Every tensor against the digest of the head: corrupt_data naming the first that differs. Reads the whole file.
Status check_panel_digests(const ModelSource& panels);

}  // namespace studio::engine
