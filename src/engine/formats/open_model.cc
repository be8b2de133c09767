#include "engine/formats/open_model.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "engine/formats/gguf.h"
#include "engine/formats/hf_folder.h"
#include "engine/formats/panel_file.h"

namespace studio::engine {
namespace {

enum class Kind { kGguf, kPanels, kFolder };

Result<Kind> kind_of(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return Kind::kFolder;
  STUDIO_TRY(auto file, UnmappedFile::open(path));
  STUDIO_TRY(auto first, file.read(0, std::min<uint64_t>(file.size(), kPanelMagic.size())));
  return is_panel_file(first) ? Kind::kPanels : Kind::kGguf;  // whose reader says what else it may be
}

// The same source without what only its own kind of file has.
Result<ModelSource> as_source(Result<GgufFile> file) {
  if (!file.ok()) return std::move(file).error();
  return ModelSource(std::move(*file));
}

}  // namespace

Result<ModelSource> open_model(const std::string& path) {
  STUDIO_TRY(const Kind kind, kind_of(path));
  if (kind == Kind::kFolder) return read_hf_folder(path, FolderPart::kAll);
  if (kind == Kind::kPanels) return open_panel_file(path);
  return as_source(GgufFile::open(path));
}

Result<ModelSource> read_model_head(const std::string& path) {
  STUDIO_TRY(const Kind kind, kind_of(path));
  if (kind == Kind::kFolder) return read_hf_folder(path, FolderPart::kHead);
  if (kind == Kind::kPanels) return read_panel_head(path);
  return as_source(GgufFile::read_head(path));
}

}  // namespace studio::engine
