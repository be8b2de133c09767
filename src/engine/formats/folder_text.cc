#include "engine/formats/folder_text.h"

#include <utility>

#include "base/file.h"
#include "engine/formats/source_error.h"

namespace studio::engine {

Result<std::string> read_folder_text(const std::string& folder, const std::string& name, size_t limit_bytes) {
  auto text = read_file(folder + "/" + name, limit_bytes);
  if (!text.ok()) return in_file(folder + "/" + name, std::move(text).error());
  return text;
}

Result<std::optional<std::string>> read_optional_text(const std::string& folder, const std::string& name,
                                                      size_t limit_bytes) {
  auto text = read_folder_text(folder, name, limit_bytes);
  if (text.ok()) return std::optional<std::string>(std::move(*text));
  if (text.error().code() == Code::kNotFound) return std::optional<std::string>();
  return std::move(text).error();
}

}  // namespace studio::engine
