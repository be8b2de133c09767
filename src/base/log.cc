#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <memory>
#include <mutex>

#include "base/stop_signals.h"

namespace studio::log {
namespace {

// Lines waiting for a slow terminal or pipe: at about 200 bytes each, 2 MB at most.
constexpr size_t kQueueLines = 8192;

struct Sink {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

// Made once and never destroyed: threads may log while statics are being torn down.
Sink& sink() {
  static Sink* instance = [] {
    StopSignalsBlocked in_the_new_thread;
    auto* made = new Sink;  // NOLINT(cppcoreguidelines-owning-memory): lives as long as the process, see above
    made->pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
    made->logger = std::make_shared<spdlog::async_logger>("studio", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                                          made->pool, spdlog::async_overflow_policy::overrun_oldest);
    made->logger->set_pattern("%v");
    made->logger->set_level(spdlog::level::trace);
    made->logger->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

std::atomic<Level> minimum{Level::kWarn};
std::mutex process_mutex;
std::string& process_name() {
  static auto* name = new std::string("studio");  // NOLINT(cppcoreguidelines-owning-memory): as above
  return *name;
}
std::atomic<size_t> dropped_reported{0};

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warn", "error", "off"};

void append_quoted(std::string& out, std::string_view text, FieldKind kind = FieldKind::kReason) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : text.substr(0, max_bytes_of(kind))) {
    auto byte = static_cast<unsigned char>(c);
    if (!allows(kind, c)) {
      out += '?';
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  if (text.size() > max_bytes_of(kind)) out += "...";
  out += '"';
}

void append_value(std::string& out, const Field::Value& value, FieldKind kind) {
  std::array<char, 40> digits;
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    append_quoted(out, *text, kind);
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    out += *truth ? "true" : "false";
  } else if (const auto* integer = std::get_if<int64_t>(&value)) {
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *integer).ptr);
  } else if (double number = std::get<double>(value); std::isfinite(number)) {
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
  } else {
    out += "null";
  }
}

std::string utc_now() {
  auto now = std::chrono::system_clock::now();
  std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text;
  size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text.data(), length);
  std::string fraction = std::to_string(1000 + millis);
  out += '.';
  out.append(fraction, 1, 3);
  out += 'Z';
  return out;
}

}  // namespace

Result<Level> parse_level(std::string_view name) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<Level>(i);
  }
  return Error(Code::kInvalidArgument,
               "Unknown log level '" + std::string(name) + "'; use debug, info, warn, error or off.");
}

void configure(Level level, std::string process) {
  std::scoped_lock lock(process_mutex);
  process_name() = std::move(process);
  minimum = level;
}

bool enabled(Level level) {
  return level >= minimum.load(std::memory_order_relaxed) && level != Level::kOff;
}

void flush() {
  sink().logger->flush();
}

std::string format_line(Level level, std::string_view process, std::string_view time, std::string_view event,
                        Fields fields) {
  std::string line = "{\"time\":";
  append_quoted(line, time);
  line += ",\"level\":";
  append_quoted(line, kLevelNames[static_cast<size_t>(level)]);
  line += ",\"process\":";
  append_quoted(line, process);
  line += ",\"event\":";
  append_quoted(line, event);
  for (const Field& field : fields) {
    line += ',';
    append_quoted(line, field.key.name);
    line += ':';
    append_value(line, field.value, field.key.kind);
  }
  line += '}';
  return line;
}

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  std::string process;
  {
    std::scoped_lock lock(process_mutex);
    process = process_name();
  }
  std::string line = format_line(level, process, utc_now(), event, fields);
  size_t dropped = sink().pool->overrun_counter();
  size_t reported = dropped_reported.exchange(dropped);
  if (dropped > reported) {
    line.pop_back();
    line += ",\"dropped\":" + std::to_string(dropped - reported) + "}";
  }
  sink().logger->log(spdlog::level::info, line);
}

}  // namespace studio::log
