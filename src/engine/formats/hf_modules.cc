#include "engine/formats/hf_modules.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/json.h"
#include "engine/formats/hf_encoder_config.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr size_t kMaxModules = 16;     // real files list two or three
constexpr size_t kMaxModuleName = 64;  // "1_Pooling"
constexpr std::string_view kPackage = "sentence_transformers.";

Error wrong(const std::string& what) {
  return Error(Code::kCorruptData, "modules.json " + what);
}

}  // namespace

Result<std::vector<HfModule>> read_hf_modules(std::string_view text) {
  auto document = parse_json(text, {.depth = 4, .bytes = kMaxEncoderJsonBytes});
  if (!document.ok()) return wrong("is no JSON we accept: " + document.error().message());
  const json::array* list = document->if_array();
  if (list == nullptr || list->size() > kMaxModules) return wrong("is no list of at most 16 modules");
  std::vector<HfModule> modules;
  for (const json::value& item : *list) {
    const json::object* module = item.if_object();
    const json::value* type = module != nullptr ? module->if_contains("type") : nullptr;
    const json::value* path = module != nullptr ? module->if_contains("path") : nullptr;
    if (type == nullptr || !type->is_string() || path == nullptr || !path->is_string()) {
      return wrong("has a module without a type or a path");
    }
    // Where in the package a class lives changed between its releases.
    std::string_view name = type->get_string();
    if (name.starts_with(kPackage)) name.remove_prefix(name.rfind('.') + 1);
    if (name == "Transformer" && !path->get_string().empty()) return wrong("keeps its Transformer in another folder");
    modules.push_back({std::string(name), std::string(path->get_string())});
  }
  return modules;
}

std::string listed(const std::vector<HfModule>& modules) {
  std::string names;
  for (const HfModule& module : modules) names += (names.empty() ? "" : " ") + module.type;
  return names;
}

bool is_plain_folder_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxModuleName && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

}  // namespace studio::engine
