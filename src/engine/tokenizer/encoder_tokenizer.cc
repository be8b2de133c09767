#include "engine/tokenizer/encoder_tokenizer.h"

#include <utility>

#include "engine/formats/folder_text.h"
#include "engine/formats/hf_qwen3_encoder.h"
#include "engine/formats/hf_unigram.h"
#include "engine/formats/tokenizer_json.h"

namespace studio::engine {
namespace {

// An own key's list of ids; empty where there is none.
Result<std::vector<TokenId>> read_ids(const ModelSource& head, std::string_view key, int vocab) {
  STUDIO_TRY(const auto listed, head.find_i32_array(key));
  std::vector<TokenId> ids;
  for (const int32_t id : listed.value_or(std::vector<int32_t>{})) {
    if (id < 0 || id >= vocab) return Error(Code::kCorruptData, std::string(key) + " is outside the vocabulary");
    ids.push_back(id);
  }
  return ids;
}

}  // namespace

Result<std::shared_ptr<const EncoderTokenizer>> EncoderTokenizer::open(const ModelSource& head,
                                                                       const std::string& path) {
  std::shared_ptr<EncoderTokenizer> made(new EncoderTokenizer());
  STUDIO_TRY(const auto architecture, head.get_string("general.architecture"));
  if (architecture == "qwen3") {
    STUDIO_CHECK_OK(made->open_bpe(head));
  } else if (head.format() == "safetensors") {
    STUDIO_CHECK_OK(made->open_json(path));
  } else {
    STUDIO_TRY(auto unigram, Unigram::from_gguf(head));
    made->use(std::move(unigram));
  }
  return std::shared_ptr<const EncoderTokenizer>(std::move(made));
}

Status EncoderTokenizer::open_bpe(const ModelSource& head) {
  STUDIO_TRY(bpe_, Tokenizer::from_gguf(head));
  vocab_size_ = bpe_->vocab_size();
  STUDIO_TRY(before_, read_ids(head, kBeforeKey, vocab_size_));
  STUDIO_TRY(after_, read_ids(head, kAfterKey, vocab_size_));
  if (head.format() == "safetensors") return Ok{};
  // Files that say nothing are older than the key; the family's texts end so.
  STUDIO_TRY(const auto adds_end, head.find_bool("tokenizer.ggml.add_eos_token"));
  if (adds_end.value_or(true) && after_.empty() && bpe_->eos() >= 0) after_ = {bpe_->eos()};
  return Ok{};
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
  if (bpe_) return bpe_->encode(text);
  return pieces_ ? pieces_->encode(text) : unigram_->encode(text);
}

std::vector<TokenId> EncoderTokenizer::encode_template(std::string_view text) const {
  return bpe_ ? bpe_->encode_template(text) : encode(text);
}

}  // namespace studio::engine
