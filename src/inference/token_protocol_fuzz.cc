// Any bytes as a message of the token protocol, at both ends: a value or an error with a reason. A request that is
// taken and sent on is the same request.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "inference/token_protocol.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::inference;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto request = decode_request(text);
  if (request.ok()) {
    check(!request->sequence.prompt.empty() && request->sequence.max_new_tokens >= 1);
    request->sequence.deadline =
        std::chrono::steady_clock::time_point::max();  // counted from now: never twice the same
    const std::string sent = encode_request(*request);
    auto taken = decode_request(sent);
    check(taken.ok() && encode_request(*taken) == sent);
  } else {
    check(!request.error().message().empty());
  }
  auto frame = decode_frame(text);
  if (frame.ok()) {
    for (const auto& event : frame->events) {
      const std::string sent = encode_event("id", event);
      auto taken = decode_frame(sent);
      check(taken.ok() && taken->events.size() == 1 && encode_event("id", taken->events[0]) == sent);
    }
    if (frame->accepted) check(decode_frame(encode_accepted("id", *frame->accepted)).ok());
  } else {
    check(!frame.error().message().empty());
  }
  check(!decode_error(503, text).message().empty());
  if (auto info = decode_info(text); info.ok()) {
    auto taken = decode_info(encode_info(*info));
    check(taken.ok() && encode_info(*taken) == encode_info(*info));
  }
  if (auto stats = decode_stats(text); stats.ok()) {
    auto taken = decode_stats(encode_stats(*stats));
    check(taken.ok() && encode_stats(*taken) == encode_stats(*stats));
  }
  return 0;
}
