#include "inference/prompt_echo.h"

namespace studio::inference {

std::vector<TokenLogprob> PromptEcho::logprobs() const {
  std::vector<TokenLogprob> all;
  all.reserve(ids_.size());
  for (size_t i = 0; i < ids_.size(); ++i) {
    TokenLogprob& one = all.emplace_back();
    one.bytes = tokenizer_->token_bytes(ids_[i]);
    one.is_known = i > 0 && i <= scores_.size();
    if (!one.is_known) continue;
    one.logprob = scores_[i - 1].logprob;
    for (const engine::TopLogprob& top : scores_[i - 1].top_logprobs) {
      one.top.push_back({std::string(tokenizer_->token_bytes(top.id)), top.logprob});
    }
  }
  return all;
}

}  // namespace studio::inference
