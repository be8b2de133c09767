// Any bytes as a message of the encoders' part of the token protocol, at both ends: a value or an error with a reason.
// What is taken and sent on is the same.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json_mutator.h"
#include "inference/encoder_protocol.h"

namespace {

using namespace studio;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_request(inference::EncodeRequest request) {
  check(!request.texts.empty() && request.texts.size() <= engine::kMaxEncoderTexts);
  for (const auto& text : request.texts) {
    check(!text.ids.empty() && text.second_from >= 0);
    check(static_cast<size_t>(text.second_from) < text.ids.size());
    for (const engine::TokenId id : text.ids) check(id >= 0);
  }
  request.deadline = std::chrono::steady_clock::time_point::max();  // counted from now: never twice the same
  const std::string sent = inference::encode_encode_request(request);
  const auto taken = inference::decode_encode_request(sent);
  check(taken.ok() && inference::encode_encode_request(*taken) == sent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto request = inference::decode_encode_request(text);
  request.ok() ? check_request(std::move(*request)) : check(!request.error().message().empty());
  for (const size_t texts : {1, 2}) {
    const auto encoded = inference::decode_encoded(text, texts);
    if (!encoded.ok()) {
      check(!encoded.error().message().empty());
      continue;
    }
    check(encoded->width > 0 && encoded->values.size() == texts * encoded->width);
    for (const float value : encoded->values) check(std::isfinite(value));
    check(inference::decode_encoded(inference::encode_encoded(*encoded), texts).ok());
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::JsonMutator>(data, size, max_size, seed);
}
