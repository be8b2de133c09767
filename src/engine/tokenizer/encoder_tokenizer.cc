#include "engine/tokenizer/encoder_tokenizer.h"

#include <utility>

#include "engine/formats/folder_text.h"
#include "engine/formats/hf_tokenizer.h"
#include "engine/formats/hf_unigram.h"

namespace studio::engine {
Result<std::shared_ptr<const EncoderTokenizer>> EncoderTokenizer::open(const ModelSource& head,
                                                                       const std::string& path) {
  std::shared_ptr<EncoderTokenizer> made(new EncoderTokenizer());
  if (head.format() == "safetensors") {
    STUDIO_CHECK_OK(made->open_json(path));
  } else {
    STUDIO_TRY(auto unigram, Unigram::from_gguf(head));
    made->use(std::move(unigram));
  }
  return std::shared_ptr<const EncoderTokenizer>(std::move(made));
}

Status EncoderTokenizer::open_json(const std::string& path) {
  STUDIO_TRY(const auto json, read_folder_text(path, "tokenizer.json", kMaxTokenizerJsonBytes));
  if (is_unigram_json(json)) {
    STUDIO_TRY(auto unigram, Unigram::from_json(json));
    use(std::move(unigram));
    return Ok{};
  }
  STUDIO_TRY(pieces_, WordPiece::from_json(json));
  before_ = pieces_->before();
  after_ = pieces_->after();
  between_ = pieces_->between();
  vocab_size_ = pieces_->vocab_size();
  return Ok{};
}

void EncoderTokenizer::use(std::shared_ptr<const Unigram> unigram) {
  unigram_ = std::move(unigram);
  before_ = unigram_->before();
  after_ = unigram_->after();
  between_ = unigram_->between();
  vocab_size_ = unigram_->vocab_size();
}

std::vector<TokenId> EncoderTokenizer::encode(std::string_view text) const {
  return pieces_ ? pieces_->encode(text) : unigram_->encode(text);
}

}  // namespace studio::engine
