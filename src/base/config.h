// Settings from where people put them: flag > environment > file > default, each value knowing where it came from.
//
// The program's settings are a table (name, kind, limits, default, help). A file is TOML, where "engine.threads" is the
// key `threads` of the table [engine]; its environment variable is STUDIO_ENGINE_THREADS. Whatever is unknown, of the
// wrong kind or out of range is an error that names file, line, reason and the nearest name: a typing mistake is never
// a default. Nothing is applied unless everything is right.
//
// Threads: immutable once loaded.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace studio {

enum class SettingKind {
  kText,
  kNumber,
  kBytes,  // a number, or text with a unit: "512 MiB", "4G" (powers of 1024)
  kFlag,   // true, false
  kList,   // of texts; in the environment separated by commas
};

struct Setting {
  std::string name = {};  // "data", "engine.threads"
  SettingKind kind = SettingKind::kText;
  std::string fallback = {};  // as it would stand in the environment
  std::string help = {};
  int64_t min = INT64_MIN, max = INT64_MAX;  // kNumber and kBytes
  std::vector<std::string> choices = {};     // kText: empty means any
};

// "engine.threads" -> "STUDIO_ENGINE_THREADS"
std::string environment_name(std::string_view setting_name);

struct ConfigSources {
  std::vector<std::string> files = {};                          // those that exist are read; a later one wins
  std::vector<std::pair<std::string, std::string>> env = {};    // the environment, names and values
  std::vector<std::pair<std::string, std::string>> flags = {};  // setting name and value, from the command line
};

class Config {
 public:
  // Errors: invalid_argument; the message is "PLACE: reason".
  static Result<Config> load(std::span<const Setting> settings, const ConfigSources& sources);

  // The name must be a setting of the kind asked for.
  const std::string& text(std::string_view name) const;
  int64_t number(std::string_view name) const;  // kNumber, kBytes
  bool flag(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;

  // "default", "STUDIO_DATA", "--data", "/etc/studio/studio.toml:3"
  const std::string& origin(std::string_view name) const;
  bool is_default(std::string_view name) const;
  std::string display(std::string_view name) const;  // as it would stand in a file
  std::span<const Setting> settings() const { return settings_; }

 private:
  struct Entry {
    std::vector<std::string> texts;  // one, or the list's
    int64_t number = 0;
    std::string origin;
  };
  const Entry& entry(std::string_view name) const;
  const Setting* find(std::string_view name) const;
  std::vector<std::string> names() const;

  Status set(const Setting& setting, const std::string& place, std::vector<std::string> texts);
  Status set_from_text(const Setting& setting, const std::string& place, const std::string& text);
  Status read_file(const std::string& path);
  Status read_environment(const ConfigSources& sources);

  std::vector<Setting> settings_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace studio
