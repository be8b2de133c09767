#include "engine/tokenizer/encoder_tokenizer.h"

#include "engine/formats/folder_text.h"
#include "engine/formats/hf_tokenizer.h"

namespace studio::engine {

Result<std::shared_ptr<const EncoderTokenizer>> EncoderTokenizer::open(const ModelSource& head,
                                                                       const std::string& path) {
  std::shared_ptr<EncoderTokenizer> made(new EncoderTokenizer());
  if (head.format() == "safetensors") {
    STUDIO_TRY(const auto json, read_folder_text(path, "tokenizer.json", kMaxTokenizerJsonBytes));
    STUDIO_TRY(made->pieces_, WordPiece::from_json(json));
    made->before_ = made->pieces_->before();
    made->after_ = made->pieces_->after();
    made->between_ = made->pieces_->between();
    made->vocab_size_ = made->pieces_->vocab_size();
  } else {
    STUDIO_TRY(made->unigram_, Unigram::from_gguf(head));
    const TokenId eos = made->unigram_->eos();
    made->before_ = {made->unigram_->bos()};
    made->after_ = {eos};
    made->between_ = {eos, eos};  // as XLM-R has it
    made->vocab_size_ = made->unigram_->vocab_size();
  }
  return std::shared_ptr<const EncoderTokenizer>(std::move(made));
}

std::vector<TokenId> EncoderTokenizer::encode(std::string_view text) const {
  return pieces_ ? pieces_->encode(text) : unigram_->encode(text);
}

}  // namespace studio::engine
