// Any bytes as a message of the token protocol, at both ends: a value or an error with a reason. A request that is
// taken and sent on is the same request.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "inference/token_protocol.h"

namespace {

using namespace studio;

void check(bool holds) {
  if (!holds) std::abort();
}

// What the engine and the gateway's text side rely on without looking again.
void check_request(const engine::SequenceRequest& sequence) {
  check(!sequence.prompt.empty() && sequence.prompt.size() <= inference::kMaxPromptIds);
  check(sequence.max_new_tokens >= 1 && sequence.stop_ids.size() <= inference::kMaxStopIds);
  for (const auto* ids : {&sequence.prompt, &sequence.resume, &sequence.stop_ids}) {
    for (engine::TokenId id : *ids) check(id >= 0);
  }
  const engine::SamplingParams& sampling = sequence.sampling;
  for (float value : {sampling.temperature, sampling.top_p, sampling.min_p, sampling.repetition_penalty,
                      sampling.presence_penalty, sampling.frequency_penalty}) {
    check(std::isfinite(value));
  }
  check(sequence.cache_marks.size() <= engine::kMaxCacheMarks);
  check(sampling.top_k >= 0 && sampling.top_logprobs >= 0 && sampling.top_logprobs <= engine::kMaxTopLogprobs);
  for (const auto& [id, bias] : sampling.logit_bias) check(id >= 0 && std::isfinite(bias));
  if (sequence.forced_end) check(sequence.forced_end->end_id >= 0 && sequence.forced_end->after_tokens >= 0);
}

void check_event(const engine::TokenEvent& event) {
  check(event.id >= -1 && event.index >= 0 && std::isfinite(event.logprob));
  check(event.usage.prompt_tokens >= 0 && event.usage.generated_tokens >= 0 && event.usage.cached_tokens >= 0);
  check(event.usage.held_tokens >= 0 && event.usage.newly_held_tokens >= 0);
  check(event.scores.size() <= inference::kMaxScoresPerFrame && (event.scores.empty() || event.first_score >= 1));
  for (const auto& score : event.scores) check(std::isfinite(score.logprob));
  for (const auto& entry : event.top_logprobs) check(entry.id >= 0 && std::isfinite(entry.logprob));
  check((event.finish == engine::FinishReason::kError) == event.error.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace studio::inference;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto request = decode_request(text);
  if (request.ok()) {
    check_request(request->sequence);
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
      check_event(event);
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

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
