// The fields that ask for a kept answer, and the cutting of a stream into events. The bytes are the lines of a head,
// the first of them a query; all of them are a stream as well. Whatever they are, a wish that is taken names an answer
// as we write them, and events add up to the stream.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/kept/event_cutter.h"
#include "api/kept/wish.h"
#include "base/line_mutator.h"

namespace {

using namespace studio::api;

void check(bool holds) {
  if (!holds) std::abort();
}

std::string_view take_line(std::string_view& bytes) {
  const size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return line;
}

studio::http::Request request_of(std::string_view bytes) {
  studio::http::Request request;
  request.query = take_line(bytes);
  while (!bytes.empty()) {
    const std::string_view line = take_line(bytes);
    const size_t colon = std::min(line.find(':'), line.size());
    request.fields.add(std::string(line.substr(0, colon)), std::string(line.substr(std::min(colon + 1, line.size()))));
  }
  return request;
}

void check_wish(const studio::http::Request& request, EventNumbers numbers) {
  const auto wish = read_wish(request, numbers);
  if (!wish.ok()) return check(!wish.error().param().empty() && wish.error().code() == studio::Code::kInvalidArgument);
  check(wish->is_kept || !(wish->has_id_lines || wish->idempotency || wish->after || wish->goes_on()));
  check(!wish->after || !wish->answer_id.empty() || wish->idempotency);
  if (wish->answer_id.empty()) return;
  check(wish->answer_id.size() == 36);
  check(wish->answer_id.find_first_not_of("0123456789abcdef-") == std::string::npos);
}

void check_cutter(std::string_view bytes, std::string_view end) {
  EventCutter whole(end), halves(end);
  std::string all;
  const auto events = whole.feed(bytes);
  for (const std::string& event : events) {
    check(event.ends_with(end) && event.find(end) + end.size() == event.size());
    all += event;
  }
  check(all + whole.rest() == bytes);
  auto cut = halves.feed(bytes.substr(0, bytes.size() / 2));
  for (std::string& event : halves.feed(bytes.substr(bytes.size() / 2))) cut.push_back(std::move(event));
  check(cut == events && halves.rest() == whole.rest());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const studio::http::Request request = request_of(bytes);
  for (EventNumbers numbers : {EventNumbers::kIdLines, EventNumbers::kOwnIds, EventNumbers::kLines}) {
    check_wish(request, numbers);
  }
  check_cutter(bytes, "\n");
  check_cutter(bytes, "\n\n");
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
