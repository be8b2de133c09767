// The vocabulary of a model, whatever its file: keys tokenizer.ggml.* of the GGUF specification (read 2026-11).
#include <optional>
#include <string>
#include <utility>

#include "engine/tokenizer/known_splits.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/vocabulary_builder.h"
#include "engine/tokenizer/vocabulary_store.h"

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

Result<TokenizerSettings> TokenizerSettings::from_gguf(const ModelSource& file) {
  STUDIO_TRY(auto kind, file.get_string("tokenizer.ggml.model"));
  if (kind != "gpt2") {
    return Error(Code::kUnimplemented, "tokenizer.ggml.model = " + std::string(kind.substr(0, 64)) +
                                           " is not supported; gpt2 (byte-level BPE) is");
  }
  STUDIO_TRY(auto split, file.get_string("tokenizer.ggml.pre"));
  STUDIO_TRY(const KnownSplit* known, find_split(split));
  TokenizerSettings settings;
  settings.pattern = known->pattern;
  settings.nfc = known->nfc;
  STUDIO_TRY(settings.bos, optional_id(file, "tokenizer.ggml.bos_token_id"));
  STUDIO_TRY(settings.eos, optional_id(file, "tokenizer.ggml.eos_token_id"));
  STUDIO_TRY(auto add_bos, file.find_bool("tokenizer.ggml.add_bos_token"));
  settings.add_bos = add_bos.value_or(false);
  return settings;
}

Result<TokenizerData> TokenizerData::from_gguf(const ModelSource& file) {
  STUDIO_TRY(const auto settings, TokenizerSettings::from_gguf(file));
  TokenizerData data{settings, {}, {}, {}};
  STUDIO_TRY(data.tokens, file.get_string_array(kTokensKey));
  STUDIO_TRY(auto types, file.get_i32_array(kTokenTypesKey));
  STUDIO_TRY(data.merges, file.get_string_array(kMergesKey));
  if (types.size() != data.tokens.size()) {
    return Error(Code::kCorruptData, "tokenizer.ggml.token_type and tokenizer.ggml.tokens differ in length");
  }
  for (size_t id = 0; id < types.size(); ++id) {
    if (types[id] != kControlToken && types[id] != kUserDefinedToken) continue;
    data.added.push_back({static_cast<TokenId>(id), std::string(data.tokens[id]), types[id] == kControlToken});
  }
  return data;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_gguf(const ModelSource& file) {
  STUDIO_TRY(const TokenizerData data, TokenizerData::from_gguf(file));
  return build(data);
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::open(const ModelSource& file, const KeptTables& kept) {
  STUDIO_TRY(const auto settings, TokenizerSettings::from_gguf(file));
  if (auto tables = find_named_tables(kept, file)) return of_tables(std::move(*tables), settings);
  if (auto tables = find_remembered_tables(kept, file)) return of_tables(std::move(*tables), settings);
  const std::optional<Sha256Digest> digest = vocabulary_digest(file);
  if (digest) {
    if (auto tables = find_tables(kept, *digest)) {
      remember_tables(kept, file, *digest);
      return of_tables(std::move(*tables), settings);
    }
  }
  STUDIO_TRY(const TokenizerData data, TokenizerData::from_gguf(file));
  STUDIO_TRY(auto tables, build_tables(data, digest.value_or(Sha256Digest{})));
  if (digest) {
    keep_tables(kept, tables, *digest);
    remember_tables(kept, file, *digest);
  }
  return of_tables(std::move(tables), settings);
}

}  // namespace studio::engine
