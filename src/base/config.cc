#include "base/config.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "base/nearest_name.h"

namespace studio {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;  // a settings file is written by hand

Error bad_setting(const std::string& place, const std::string& reason) {
  return Error(Code::kInvalidArgument, place + ": " + reason);
}

Result<int64_t> parse_number(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return Error(Code::kInvalidArgument, "'" + std::string(text) + "' is not a whole number");
  }
  return number;
}

// "512 MiB", "4G", "1024"
Result<int64_t> parse_bytes(std::string_view text) {
  size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view unit = text.substr(digits);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  int shift = -1;
  for (auto [names, bits] : {std::pair{" B", 0}, {" K KB KiB", 10}, {" M MB MiB", 20}, {" G GB GiB", 30}}) {
    // The unit must be one of the blank-separated names.
    std::string padded = std::string(names) + " ";
    if (unit.empty() ? bits == 0 : padded.find(" " + std::string(unit) + " ") != std::string::npos) shift = bits;
  }
  auto number = parse_number(text.substr(0, digits));
  int64_t bytes = 0;
  if (shift < 0 || !number.ok() || __builtin_mul_overflow(*number, int64_t{1} << shift, &bytes)) {
    return Error(Code::kInvalidArgument, "'" + std::string(text) + "' is not a size (such as 512 MiB or 4 GiB)");
  }
  return bytes;
}

std::string range_of(const Setting& setting) {
  if (setting.max == INT64_MAX) return "at least " + std::to_string(setting.min);
  return "between " + std::to_string(setting.min) + " and " + std::to_string(setting.max);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= text.size()) {
    size_t comma = std::min(text.find(',', start), text.size());
    std::string part = text.substr(start, comma - start);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    if (!part.empty()) parts.push_back(std::move(part));
    start = comma + 1;
  }
  return parts;
}

// The text of a TOML value, if its type fits the kind.
Result<std::vector<std::string>> texts_of(const toml::node& node, SettingKind kind) {
  auto wrong = [&](const char* wanted) { return Error(Code::kInvalidArgument, std::string("expected ") + wanted); };
  switch (kind) {
    case SettingKind::kText:
      if (auto text = node.value_exact<std::string>()) return std::vector{*text};
      return wrong("a text in quotes");
    case SettingKind::kNumber:
      if (auto number = node.value_exact<int64_t>()) return std::vector{std::to_string(*number)};
      return wrong("a whole number");
    case SettingKind::kBytes:
      if (auto number = node.value_exact<int64_t>()) return std::vector{std::to_string(*number)};
      if (auto text = node.value_exact<std::string>()) return std::vector{*text};
      return wrong("a size: a whole number of bytes, or a text such as \"4 GiB\"");
    case SettingKind::kFlag:
      if (auto flag = node.value_exact<bool>()) return std::vector<std::string>{*flag ? "true" : "false"};
      return wrong("true or false");
    case SettingKind::kList: {
      std::vector<std::string> texts;
      const toml::array* array = node.as_array();
      if (!array) return wrong("a list of texts: [\"a\", \"b\"]");
      for (const toml::node& item : *array) {
        auto text = item.value_exact<std::string>();
        if (!text) return wrong("a list of texts: [\"a\", \"b\"]");
        texts.push_back(*text);
      }
      return texts;
    }
  }
  return wrong("a value");
}

}  // namespace

std::string environment_name(std::string_view setting_name) {
  std::string name = "STUDIO_";
  for (char c : setting_name) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

Result<Config> Config::load(std::span<const Setting> settings, const ConfigSources& sources) {
  Config config;
  config.settings_.assign(settings.begin(), settings.end());
  for (const Setting& setting : settings) {
    STUDIO_CHECK_OK(config.set_from_text(setting, "default", setting.fallback));
  }
  for (const std::string& path : sources.files) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) STUDIO_CHECK_OK(config.read_file(path));
  }
  STUDIO_CHECK_OK(config.read_environment(sources));
  for (const auto& [name, value] : sources.flags) {
    const Setting* setting = config.find(name);
    std::string flag = "--" + name.substr(name.rfind('.') + 1);
    std::replace(flag.begin(), flag.end(), '_', '-');
    if (!setting) return bad_setting(flag, "no such setting" + did_you_mean(name, config.names()));
    STUDIO_CHECK_OK(config.set_from_text(*setting, flag, value));
  }
  return config;
}

Status Config::read_file(const std::string& path) {
  auto text = studio::read_file(path, kMaxFileBytes);
  if (!text.ok()) return bad_setting(path, text.error().message());
  toml::parse_result parsed = toml::parse(*text, std::string_view(path));
  if (!parsed) {
    return bad_setting(path + ":" + std::to_string(parsed.error().source().begin.line),
                       std::string(parsed.error().description()));
  }
  // Settings stand at the top or one table deep: deeper tables are unknown names.
  auto read_entry = [&](const std::string& name, const toml::node& node) -> Status {
    std::string place = path + ":" + std::to_string(node.source().begin.line);
    const Setting* setting = find(name);
    if (!setting) return bad_setting(place, "unknown setting '" + name + "'" + did_you_mean(name, names()));
    auto texts = texts_of(node, setting->kind);
    if (!texts.ok()) return bad_setting(place, name + ": " + texts.error().message());
    return set(*setting, place, std::move(*texts));
  };
  for (const auto& [key, node] : parsed.table()) {
    std::string name(key.str());
    const toml::table* table = node.as_table();
    if (!table) {
      STUDIO_CHECK_OK(read_entry(name, node));
      continue;
    }
    bool is_known = std::any_of(settings_.begin(), settings_.end(),
                                [&](const Setting& setting) { return setting.name.starts_with(name + "."); });
    if (!is_known) {
      std::vector<std::string> tables;
      for (const Setting& setting : settings_) tables.push_back(setting.name.substr(0, setting.name.find('.')));
      return bad_setting(path + ":" + std::to_string(node.source().begin.line),
                         "unknown table [" + name + "]" + did_you_mean(name, tables));
    }
    for (const auto& [inner, value] : *table) STUDIO_CHECK_OK(read_entry(name + "." + std::string(inner.str()), value));
  }
  return Ok{};
}

Status Config::read_environment(const ConfigSources& sources) {
  std::map<std::string, const Setting*> by_variable;
  std::vector<std::string> variables, prefixes;
  for (const Setting& setting : settings_) {
    variables.push_back(environment_name(setting.name));
    by_variable[variables.back()] = &setting;
    size_t dot = setting.name.find('.');
    if (dot != std::string::npos) prefixes.push_back(environment_name(setting.name.substr(0, dot)) + "_");
  }
  for (const auto& [variable, value] : sources.env) {
    auto found = by_variable.find(variable);
    if (found != by_variable.end()) {
      STUDIO_CHECK_OK(set_from_text(*found->second, variable, value));
      continue;
    }
    // A variable under one of our tables is meant for us; others that begin with STUDIO_ may belong to anyone.
    bool is_ours = std::any_of(prefixes.begin(), prefixes.end(),
                               [&, &name = variable](const std::string& prefix) { return name.starts_with(prefix); });
    if (is_ours) return bad_setting(variable, "unknown setting" + did_you_mean(variable, variables));
  }
  return Ok{};
}

Status Config::set_from_text(const Setting& setting, const std::string& place, const std::string& text) {
  return set(setting, place, setting.kind == SettingKind::kList ? split_list(text) : std::vector{text});
}

Status Config::set(const Setting& setting, const std::string& place, std::vector<std::string> texts) {
  Entry entry{std::move(texts), 0, place};
  auto wrong = [&](const std::string& reason) { return bad_setting(place, setting.name + ": " + reason); };
  if (setting.kind == SettingKind::kNumber || setting.kind == SettingKind::kBytes) {
    auto number = setting.kind == SettingKind::kNumber ? parse_number(entry.texts[0]) : parse_bytes(entry.texts[0]);
    if (!number.ok()) return wrong(number.error().message());
    if (*number < setting.min || *number > setting.max) {
      return wrong(entry.texts[0] + " is out of range (" + range_of(setting) + ")");
    }
    entry.number = *number;
  }
  if (setting.kind == SettingKind::kFlag) {
    if (entry.texts[0] != "true" && entry.texts[0] != "false") {
      return wrong("'" + entry.texts[0] + "' is neither true nor false");
    }
    entry.number = entry.texts[0] == "true";
  }
  if (!setting.choices.empty()) {
    for (const std::string& text : entry.texts) {
      if (std::find(setting.choices.begin(), setting.choices.end(), text) != setting.choices.end()) continue;
      return wrong("'" + text + "' is none of " + joined(setting.choices) + did_you_mean(text, setting.choices));
    }
  }
  entries_[setting.name] = std::move(entry);
  return Ok{};
}

const Setting* Config::find(std::string_view name) const {
  for (const Setting& setting : settings_) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::vector<std::string> Config::names() const {
  std::vector<std::string> names;
  for (const Setting& setting : settings_) names.push_back(setting.name);
  return names;
}

const Config::Entry& Config::entry(std::string_view name) const {
  auto found = entries_.find(name);
  if (found == entries_.end()) std::abort();  // our own code asked for a setting that is not in its table
  return found->second;
}

const std::string& Config::text(std::string_view name) const {
  return entry(name).texts.at(0);
}
int64_t Config::number(std::string_view name) const {
  return entry(name).number;
}
bool Config::flag(std::string_view name) const {
  return entry(name).number != 0;
}
const std::vector<std::string>& Config::list(std::string_view name) const {
  return entry(name).texts;
}
const std::string& Config::origin(std::string_view name) const {
  return entry(name).origin;
}
bool Config::is_default(std::string_view name) const {
  return entry(name).origin == "default";
}

std::string Config::display(std::string_view name) const {
  const Setting& setting = *find(name);
  const Entry& value = entry(name);
  if (setting.kind == SettingKind::kNumber || setting.kind == SettingKind::kBytes) return std::to_string(value.number);
  if (setting.kind == SettingKind::kFlag) return value.texts[0];
  std::string shown;
  for (const std::string& text : value.texts) {
    if (!shown.empty()) shown += ", ";
    append_json_string(shown, text);
  }
  return setting.kind == SettingKind::kList ? "[" + shown + "]" : shown;
}

}  // namespace studio
