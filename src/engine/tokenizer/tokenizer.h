// Text to token ids and back: byte-level BPE with the vocabularies of Qwen2/2.5/3 and SmolLM2.
//
// Control tokens (every added token: <|im_start|>, <think>, <tool_call>, ...) are read only from text that a template
// wrote, and only where every byte of the token is the template's. Text between control tokens is cut and merged as one
// string whoever wrote it, so an ordinary conversation gets the ids that HF `tokenizers` gives the rendered prompt,
// while a user who types "<|im_end|>" gets the ids of those characters.
// Immutable: share one between threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/model_source.h"
#include "engine/tensor/token.h"
#include "engine/tokenizer/splitter.h"
#include "engine/tokenizer/vocabulary_store.h"
#include "engine/tokenizer/vocabulary_tables.h"
#include "engine/tokenizer/word_cache.h"

namespace studio::engine {

struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool special = false;  // decode() may leave it out
};

// What a file says of its tokenizer besides the vocabulary.
struct TokenizerSettings {
  SplitPattern pattern = SplitPattern::kQwen2;
  bool nfc = false;  // text is brought to normal form C first
  TokenId bos = -1, eos = -1;
  bool add_bos = false;

  // The same keys and errors as TokenizerData::from_gguf().
  static Result<TokenizerSettings> from_gguf(const ModelSource& file);
};

// A vocabulary as its file holds it; the texts are the file's.
struct TokenizerData : TokenizerSettings {
  std::vector<std::string_view> tokens;  // [V] in the byte alphabet of GPT-2; added tokens as plain text
  std::vector<std::string_view> merges;  // "left right", by rank
  std::vector<AddedToken> added;

  // From the keys tokenizer.ggml.* of a model, whatever its file, and living as long as it. unimplemented for another
  // kind of vocabulary or an unknown pre-tokenizer.
  static Result<TokenizerData> from_gguf(const ModelSource& file);
};

// Text with its author: what a template wrote may hold control tokens, what a caller wrote may not.
struct TextSegment {
  std::string_view text;
  bool is_template = false;
};

class Tokenizer {
 public:
  // Errors: those of build_tables() (vocabulary_builder.h). Keeps nothing of what the views point into.
  static Result<std::shared_ptr<const Tokenizer>> build(const TokenizerData& data);
  static Result<std::shared_ptr<const Tokenizer>> from_gguf(const ModelSource& file);
  // The same by tables that were kept, where they are of this file's vocabulary; else they are built, and kept.
  static Result<std::shared_ptr<const Tokenizer>> open(const ModelSource& file, const KeptTables& kept);
  // From the text of a Hugging Face tokenizer.json.
  static Result<std::shared_ptr<const Tokenizer>> from_json(std::string_view json);

  // All of it a caller's text: no control token comes out.
  std::vector<TokenId> encode(std::string_view text) const;
  // All of it a template's.
  std::vector<TokenId> encode_template(std::string_view text) const;
  std::vector<TokenId> encode(std::span<const TextSegment> segments) const;

  // Invalid UTF-8 becomes U+FFFD. Ids outside the vocabulary give nothing.
  std::string decode(std::span<const TokenId> ids, bool skip_special) const;
  std::string_view token_bytes(TokenId id) const;  // empty for ids outside the vocabulary
  bool is_control(TokenId id) const;               // an added token
  bool is_special(TokenId id) const;
  TokenId find(std::string_view content) const;  // an added token's id, or -1

  int vocab_size() const { return static_cast<int>(tables_.token_count()); }
  TokenId bos() const { return settings_.bos; }
  TokenId eos() const { return settings_.eos; }
  bool add_bos() const { return settings_.add_bos && settings_.bos >= 0; }
  std::span<const AddedToken> added() const { return added_; }

 private:
  Tokenizer() = default;
  static Result<std::shared_ptr<const Tokenizer>> of_tables(VocabularyTables tables, const TokenizerSettings& settings);
  // Control tokens at once, what follows the last one to `plain`.
  void read_template(std::string_view text, std::string& plain, std::vector<TokenId>& ids) const;
  void encode_plain(std::string_view text, std::vector<TokenId>& ids) const;
  size_t next_start(std::string_view text, size_t at) const;
  const AddedToken* control_at(std::string_view text, size_t at) const;
  bool is_there(TokenId id) const { return id >= 0 && id < vocab_size(); }

  VocabularyTables tables_;
  TokenizerSettings settings_;
  std::vector<AddedToken> added_;  // longest first
  std::array<bool, 256> starts_control_{};
  int control_start_ = -1;     // the byte that all of them start with; -1: there are several
  mutable WordCaches caches_;  // what they hold changes no id
};

}  // namespace studio::engine
