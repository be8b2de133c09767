// Any bytes as an event stream: the same events however they are cut, none over its limit, and those that a plain
// reading of the standard gives. What the writer makes of any line is one event. The first byte chooses where the bytes
// are cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/line_mutator.h"
#include "http/sse.h"

namespace {

using Event = studio::http::SseReader::Event;

constexpr size_t kLimitBytes = 4096;

void check(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::vector<Event> events;
  bool is_ok = true;
};

Outcome read(std::string_view bytes, size_t step) {
  studio::http::SseReader reader(kLimitBytes);
  Outcome outcome;
  for (size_t at = 0; at < bytes.size() && outcome.is_ok; at += step) {
    outcome.is_ok = reader.feed(bytes.substr(at, step), outcome.events).ok();
  }
  return outcome;
}

// The standard's own words (HTML, 9.2.6), over a text that is there as a whole.
std::vector<Event> plain_reading(std::string text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  std::vector<Event> events;
  std::string type, data;
  bool has_data = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find_first_of("\r\n", at);
    if (end == std::string::npos) break;  // a line without its end does not count
    const std::string line = text.substr(at, end - at);
    at = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    if (line.empty()) {
      if (has_data) events.push_back({type.empty() ? "message" : type, data.substr(0, data.size() - 1)});
      type = data = "";
      has_data = false;
      continue;
    }
    const size_t colon = line.find(':');
    const std::string name = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(" ")) value.erase(0, 1);
    if (name == "event") type = value;
    if (name != "data") continue;
    data += value + "\n";
    has_data = true;
  }
  return events;
}

bool same(const std::vector<Event>& a, const std::vector<Event>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].type != b[i].type || a[i].data != b[i].data) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::http;
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome pieces = read(bytes, 1 + data[0] % 16), single = read(bytes, 1);
  const Outcome whole = read(bytes, std::max<size_t>(bytes.size(), 1));
  check(pieces.is_ok == whole.is_ok && single.is_ok == whole.is_ok);
  check(same(pieces.events, whole.events) && same(single.events, whole.events));
  for (const Event& event : whole.events) check(event.data.size() <= kLimitBytes);
  if (whole.is_ok) check(same(whole.events, plain_reading(std::string(bytes))));

  // An event of ours: whatever the line holds, one event arrives, its line ends taken out.
  const std::string_view line = bytes.substr(0, kLimitBytes / 2);
  std::string expected;
  for (char c : line) {
    if (c != '\r' && c != '\n') expected += c;
  }
  const Outcome ours = read(sse_event(line) + std::string(kSseHeartbeat), 1 + data[0] % 16);
  check(ours.is_ok && ours.events.size() == 1 && ours.events[0].data == expected);
  check(sse_head().status == 200);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
