// The tokenizer of a text encoder, whichever kind it is: a WordPiece or a unigram of a folder's tokenizer.json, the
// unigram of a GGUF file, or the byte-level BPE of a decoder that embeds. Texts become ids here, and what the model
// wants around one text or a pair is put there.
// Immutable: share one between threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/model_source.h"
#include "engine/tensor/token.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/unigram.h"
#include "engine/tokenizer/wordpiece.h"

namespace studio::engine {

class EncoderTokenizer {
 public:
  // `head` is what was read of the encoder at `path` (formats/open_encoder.h). Errors: those of the readers.
  static Result<std::shared_ptr<const EncoderTokenizer>> open(const ModelSource& head, const std::string& path);

  std::vector<TokenId> encode(std::string_view text) const;  // of a text alone, nothing around it
  // What a model's own words around a text hold of control tokens is meant as such (BPE alone).
  std::vector<TokenId> encode_template(std::string_view text) const;
  // [CLS], [SEP]: ids before and after a text, and between the two of a pair. No between: the model takes no pairs.
  const std::vector<TokenId>& before() const { return before_; }
  const std::vector<TokenId>& after() const { return after_; }
  const std::optional<std::vector<TokenId>>& between() const { return between_; }
  int vocab_size() const { return vocab_size_; }

 private:
  EncoderTokenizer() = default;
  Status open_bpe(const ModelSource& head);
  Status open_json(const std::string& path);
  void use(std::shared_ptr<const Unigram> unigram);

  std::shared_ptr<const WordPiece> pieces_;  // this one
  std::shared_ptr<const Unigram> unigram_;   // or that
  std::shared_ptr<const Tokenizer> bpe_;     // or the third
  std::vector<TokenId> before_, after_;
  std::optional<std::vector<TokenId>> between_;
  int vocab_size_ = 0;
};

}  // namespace studio::engine
