// The vocabulary of a model, whatever its file: keys tokenizer.ggml.* of the GGUF specification (read 2026-11).
#include <string>
#include <utility>

#include "engine/tokenizer/known_splits.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::engine {
namespace {

// Values of tokenizer.ggml.token_type; they reach disk.
constexpr int32_t kControlToken = 3, kUserDefinedToken = 4;

Result<TokenId> optional_id(const ModelSource& file, std::string_view key) {
  STUDIO_TRY(auto id, file.find_u64(key));
  if (!id.has_value()) return TokenId{-1};
  if (*id > kMaxArrayElements) return Error(Code::kCorruptData, std::string(key) + " is out of range");
  return static_cast<TokenId>(*id);
}

}  // namespace

Result<TokenizerData> TokenizerData::from_gguf(const ModelSource& file) {
  STUDIO_TRY(auto kind, file.get_string("tokenizer.ggml.model"));
  if (kind != "gpt2") {
    return Error(Code::kUnimplemented, "tokenizer.ggml.model = " + std::string(kind.substr(0, 64)) +
                                           " is not supported; gpt2 (byte-level BPE) is");
  }
  STUDIO_TRY(auto split, file.get_string("tokenizer.ggml.pre"));
  STUDIO_TRY(const KnownSplit* known, find_split(split));
  STUDIO_TRY(auto tokens, file.get_string_array("tokenizer.ggml.tokens"));
  STUDIO_TRY(auto types, file.get_i32_array("tokenizer.ggml.token_type"));
  STUDIO_TRY(auto merges, file.get_string_array("tokenizer.ggml.merges"));
  if (types.size() != tokens.size()) {
    return Error(Code::kCorruptData, "tokenizer.ggml.token_type and tokenizer.ggml.tokens differ in length");
  }
  TokenizerData data;
  data.pattern = known->pattern;
  data.nfc = known->nfc;
  data.tokens = std::move(tokens);
  data.merges = std::move(merges);
  for (size_t id = 0; id < types.size(); ++id) {
    if (types[id] != kControlToken && types[id] != kUserDefinedToken) continue;
    data.added.push_back({static_cast<TokenId>(id), std::string(data.tokens[id]), types[id] == kControlToken});
  }
  STUDIO_TRY(data.bos, optional_id(file, "tokenizer.ggml.bos_token_id"));
  STUDIO_TRY(data.eos, optional_id(file, "tokenizer.ggml.eos_token_id"));
  STUDIO_TRY(auto add_bos, file.find_bool("tokenizer.ggml.add_bos_token"));
  data.add_bos = add_bos.value_or(false);
  return data;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_gguf(const ModelSource& file) {
  STUDIO_TRY(TokenizerData data, TokenizerData::from_gguf(file));
  return build(std::move(data));
}

}  // namespace studio::engine
