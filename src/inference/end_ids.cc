#include "inference/end_ids.h"

#include <algorithm>

#include "engine/formats/model_source.h"

namespace studio::inference {
namespace {

using engine::ModelSource;
using engine::TokenId;
using engine::Tokenizer;

void add_end_id(const Tokenizer& tokenizer, TokenId id, std::vector<TokenId>& ids) {
  if (id < 0 || id >= tokenizer.vocab_size()) return;
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

}  // namespace

Result<std::vector<TokenId>> end_ids(const ModelSource& file, const Tokenizer& tokenizer) {
  std::vector<TokenId> ids;
  add_end_id(tokenizer, tokenizer.eos(), ids);
  STUDIO_TRY(auto turn, file.find_u64("tokenizer.ggml.eot_token_id"));
  if (turn && *turn < static_cast<uint64_t>(tokenizer.vocab_size())) {
    add_end_id(tokenizer, static_cast<TokenId>(*turn), ids);
  }
  STUDIO_TRY(auto more, file.find_i32_array(engine::kEndIdsKey));
  for (const TokenId id : more.value_or(std::vector<int32_t>{})) add_end_id(tokenizer, id, ids);
  add_end_id(tokenizer, tokenizer.find("<|im_end|>"), ids);
  add_end_id(tokenizer, tokenizer.find("<|endoftext|>"), ids);
  return ids;
}

}  // namespace studio::inference
