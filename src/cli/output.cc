#include "cli/output.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <ctime>

#include "base/json.h"

namespace studio::cli {
namespace {

// Width on a terminal: UTF-8 continuation bytes and colour sequences take none. Good enough for our own words.
size_t width_of(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++width;
    }
  }
  return width;
}

}  // namespace

void Output::print(std::string_view text) {
  std::lock_guard lock(mutex_);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

void Output::print_json(const boost::json::value& value) {
  print(to_json(value));
}

void Output::note(std::string_view text) {
  if (style_.is_quiet || style_.is_json) return;
  std::lock_guard lock(mutex_);
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

void Output::error(const Error& error) {
  std::lock_guard lock(mutex_);
  if (style_.is_json) {
    boost::json::object body{{"code", code_name(error.code())}, {"message", error.message()}};
    if (!error.param().empty()) body["param"] = error.param();
    if (!error.detail().text.empty()) body["details"] = error.detail().text;
    std::fprintf(stderr, "%s\n", to_json(boost::json::object{{"error", body}}).c_str());
    return;
  }
  std::fprintf(stderr, "%s %s\n", red("studio:").c_str(), error.message().c_str());
  // The command line's user is the machine's own: what the log would get may be shown here.
  if (!error.detail().text.empty()) std::fprintf(stderr, "%s\n", dim("  " + error.detail().text).c_str());
}

std::string Output::painted(const char* code, std::string_view text) const {
  if (!style_.has_color) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<size_t>& right) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string pad(widths[i] - width_of(row[i]), ' ');
      bool is_right = std::find(right.begin(), right.end(), i) != right.end();
      line += (i ? "  " : "") + (is_right ? pad + row[i] : row[i] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

std::string human_bytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return text;
}

std::string human_count(int64_t count) {
  std::string digits = std::to_string(count);
  for (int at = static_cast<int>(digits.size()) - 3; at > (count < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string human_time(int64_t unix_seconds) {
  if (unix_seconds <= 0) return "";
  time_t when = unix_seconds;
  tm local{};
  localtime_r(&when, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
  return text;
}

int exit_code_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return 2;
    case Code::kNotFound:
      return 3;
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      return 4;
    case Code::kConflict:
    case Code::kFailedPrecondition:
    case Code::kPayloadTooLarge:
    case Code::kCorruptData:
      return 5;
    case Code::kQuotaExceeded:
    case Code::kOverloaded:
      return 6;
    case Code::kUnavailable:
      return 7;
    case Code::kDeadlineExceeded:
      return 124;
    case Code::kCancelled:
      return 130;
    case Code::kUnimplemented:
    case Code::kInternal:
      return 1;
  }
  return 1;
}

}  // namespace studio::cli
