#include "requests.h"

#include <algorithm>
#include <initializer_list>

#include "engine/sampling/philox.h"

namespace studio::bit_identity {
namespace {

using engine::SequenceRequest;
using engine::TokenId;

constexpr uint64_t kSeed = 20261124;  // any; another one is another set of requests
constexpr int kOctaves = 10;          // 1, 2-3, 4-7, ... 512-600 prompt tokens, each as often: short ones cost little
constexpr int kRandomEvery = 8;       // of the prompts, one in so many holds ids that no text has in this order

// The draws of one request, each by its own counter.
class Draws {
 public:
  explicit Draws(int request) : request_(static_cast<uint32_t>(request)) {}
  uint64_t bits() { return engine::random_bits(kSeed, request_, counter_++); }
  int below(int limit) { return static_cast<int>(bits() % static_cast<uint64_t>(limit)); }
  float one_of(std::initializer_list<float> values) { return values.begin()[below(static_cast<int>(values.size()))]; }

 private:
  uint32_t request_;
  uint64_t counter_ = 0;
};

int prompt_length(Draws& draws) {
  const int shortest = 1 << draws.below(kOctaves);
  return shortest + draws.below(std::min(shortest, kMaxPromptTokens + 1 - shortest));
}

engine::SamplingParams draw_sampling(Draws& draws) {
  engine::SamplingParams sampling;
  sampling.temperature = 0.8f;
  sampling.top_k = static_cast<int>(draws.one_of({0, 0, 5, 20, 40, 1000}));
  sampling.top_p = draws.one_of({1.0f, 1.0f, 0.95f, 0.8f});
  sampling.min_p = draws.one_of({0.0f, 0.0f, 0.05f});
  sampling.repetition_penalty = draws.one_of({1.0f, 1.0f, 1.1f});
  sampling.presence_penalty = draws.one_of({0.0f, 0.0f, 0.6f, -0.3f});
  sampling.frequency_penalty = draws.one_of({0.0f, 0.0f, 0.4f});
  sampling.seed = draws.bits();
  sampling.stream = static_cast<uint32_t>(draws.below(4));
  sampling.logprobs = true;
  sampling.top_logprobs = draws.below(9);
  return sampling;
}

}  // namespace

std::vector<SequenceRequest> make_requests(const std::vector<TokenId>& ids, int vocab, int count) {
  std::vector<SequenceRequest> requests;
  for (int i = 0; i < count; ++i) {
    Draws draws(i);
    SequenceRequest request;
    const int length = prompt_length(draws);
    const int first = draws.below(static_cast<int>(ids.size()) - length + 1);
    request.max_new_tokens = 1 + draws.below(kMaxNewTokens);
    request.sampling = draw_sampling(draws);
    if (i % kRandomEvery == kRandomEvery - 1) {
      for (int t = 0; t < length; ++t) request.prompt.push_back(draws.below(vocab));
    } else {
      request.prompt.assign(ids.begin() + first, ids.begin() + first + length);
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace studio::bit_identity
