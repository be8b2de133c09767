// Structured logs: one JSON object a line on standard error.
//
//   log::info("worker.ready", {{"model", name}, {"load_ms", elapsed}});
//
// An event name is a fixed dotted word, so that logs can be counted; what varies goes into fields, each of a name and
// kind in log_fields.h. Bodies, prompts, answers, keys and header values have none. Writing never blocks the caller:
// lines go through a bounded queue whose overflow drops the oldest and is counted in the next line ("dropped").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/log_fields.h"
#include "base/result.h"

namespace studio::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };
Result<Level> parse_level(std::string_view name);  // debug, info, warn, error, off

// Before this, lines of level warn and above are written. Any thread; `process` names the writer ("gateway").
void configure(Level level, std::string process);
bool enabled(Level level);
void flush();

struct Field {
  using Value = std::variant<std::string_view, int64_t, double, bool>;
  Field(FieldName name, std::string_view text) : key(name), value(text) {}
  Field(FieldName name, const std::string& text) : key(name), value(std::string_view(text)) {}
  Field(FieldName name, const char* text) : key(name), value(std::string_view(text)) {}
  Field(FieldName name, bool truth) : key(name), value(truth) {}
  Field(FieldName name, double number) : key(name), value(number) {}
  template <typename Int>
    requires std::is_integral_v<Int> && (!std::is_same_v<Int, bool>)
  Field(FieldName name, Int number) : key(name), value(static_cast<int64_t>(number)) {}

  FieldName key;
  Value value;
};
using Fields = std::initializer_list<Field>;

void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) {
  write(Level::kDebug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) {
  write(Level::kInfo, event, fields);
}
inline void warn(std::string_view event, Fields fields = {}) {
  write(Level::kWarn, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::kError, event, fields);
}

// One line as it would be written, without time and queue: for tests.
std::string format_line(Level level, std::string_view process, std::string_view time, std::string_view event,
                        Fields fields);

}  // namespace studio::log
