#include "engine/formats/same_vocabulary.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace studio::engine {
namespace {

constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";

// As published files, and hf_text.h, name rows that no token has.
bool is_padding(std::string_view token) {
  return token.starts_with("[PAD");
}

Error differs(const std::string& how) {
  return {Code::kInvalidArgument, "the vocabularies differ (" + how + "); take a smaller model of the same family"};
}

}  // namespace

Status check_same_vocabulary(const ModelSource& model, const ModelSource& draft) {
  STUDIO_TRY(const auto large, model.get_string_array(kTokensKey));
  STUDIO_TRY(const auto small, draft.get_string_array(kTokensKey));
  const auto [at_large, at_small] = std::ranges::mismatch(large, small);
  if (std::all_of(at_large, large.end(), is_padding) && std::all_of(at_small, small.end(), is_padding)) return Ok{};
  return differs("they have " + std::to_string(large.size()) + " and " + std::to_string(small.size()) +
                 " tokens, the first other one is " + std::to_string(at_large - large.begin()));
}

}  // namespace studio::engine
