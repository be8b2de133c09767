#include "inference/encoder_model.h"

#include <utility>

#include "engine/encoders/qwen3_prompts.h"
#include "engine/formats/open_encoder.h"

namespace studio::inference {
namespace {

using engine::TokenId;

Error too_long(const std::string& place, const std::string& verb, size_t tokens, int context) {
  return Error(Code::kInvalidArgument, place + " " + verb + " " + std::to_string(tokens) +
                                           " tokens; this model takes at most " + std::to_string(context) +
                                           ". Shorten it or send it in parts.")
      .with_param(place);
}

void append(std::vector<TokenId>& ids, const std::vector<TokenId>& more) {
  ids.insert(ids.end(), more.begin(), more.end());
}

}  // namespace

Result<std::shared_ptr<EncoderModel>> EncoderModel::open(const std::string& path,
                                                         std::shared_ptr<EncoderClient> client) {
  std::shared_ptr<EncoderModel> model(new EncoderModel());
  STUDIO_TRY(const auto head, engine::read_encoder_head(path));
  STUDIO_TRY(model->config_, engine::EncoderConfig::read(head));
  STUDIO_TRY(model->tokenizer_, engine::EncoderTokenizer::open(head, path));
  if (model->tokenizer_->vocab_size() > model->config_.vocab) {
    return Error(Code::kCorruptData, "the vocabulary has more tokens than the model has rows");
  }
  STUDIO_CHECK_OK(model->place_around());
  model->client_ = std::move(client);
  return model;
}

std::vector<TokenId> EncoderModel::text_ids(std::string_view text) const {
  std::vector<TokenId> ids = before_;
  append(ids, tokenizer_->encode(text));
  append(ids, after_);
  return ids;
}

Status EncoderModel::place_around() {
  if (ranks_by_words()) {
    before_ = tokenizer_->encode_template(engine::kRankBefore);
    after_ = tokenizer_->encode_template(engine::kRankAfter);
  } else {
    before_ = tokenizer_->before();
    after_ = tokenizer_->after();
    if (config_.ranks() && !tokenizer_->between()) {
      return Error(Code::kUnimplemented,
                   "a model that ranks whose tokenizer.json says nothing of pairs is not supported");
    }
    if (tokenizer_->between()) between_ = *tokenizer_->between();
  }
  if (before_.size() + between_.size() + after_.size() + 2 > static_cast<size_t>(config_.context_tokens)) {
    return Error(Code::kCorruptData, "the model's context leaves no room for a text");
  }
  return Ok{};
}

bool EncoderModel::takes_instruction() const {
  return ranks_by_words() || engine::with_instruction(config_.query_prompt, "").has_value();
}

std::string EncoderModel::query_prompt(const std::optional<std::string>& instruction) const {
  if (!instruction) return config_.query_prompt;
  return engine::with_instruction(config_.query_prompt, *instruction).value_or(config_.query_prompt);
}

std::vector<TokenId> EncoderModel::query_ids(std::string_view query,
                                             const std::optional<std::string>& instruction) const {
  if (!ranks_by_words()) return tokenizer_->encode(query);
  return tokenizer_->encode(engine::rank_query(instruction.value_or(config_.query_prompt), query));
}

Result<PreparedText> EncoderModel::prepare_text(std::string_view text, const std::string& place, TooLong when) const {
  std::vector<TokenId> own = tokenizer_->encode(text);
  const size_t around = before_.size() + after_.size();
  const size_t room = static_cast<size_t>(config_.context_tokens) - around;
  PreparedText prepared;
  if (own.size() > room) {
    if (when == TooLong::kIsRefused) return too_long(place, "has", own.size() + around, config_.context_tokens);
    own.resize(room);
    prepared.is_cut = true;
  }
  prepared.text.ids = before_;
  append(prepared.text.ids, own);
  append(prepared.text.ids, after_);
  return prepared;
}

Result<PreparedText> EncoderModel::prepare_pair(const std::vector<TokenId>& query, std::string_view document,
                                                const std::string& place, TooLong when) const {
  std::vector<TokenId> own =
      ranks_by_words() ? tokenizer_->encode(engine::rank_document(document)) : tokenizer_->encode(document);
  const size_t around = before_.size() + between_.size() + after_.size() + query.size();
  const auto context = static_cast<size_t>(config_.context_tokens);
  if (around >= context) return too_long("query", "alone has", around, config_.context_tokens);
  PreparedText prepared;
  if (own.size() > context - around) {
    if (when == TooLong::kIsRefused) {
      return too_long(place, "and the query have", own.size() + around, config_.context_tokens);
    }
    own.resize(context - around);
    prepared.is_cut = true;
  }
  std::vector<TokenId>& ids = prepared.text.ids;
  ids = before_;
  append(ids, query);
  append(ids, between_);
  prepared.text.second_from = static_cast<int>(ids.size());
  append(ids, own);
  append(ids, after_);
  return prepared;
}

Result<PreparedText> EncoderModel::prepare_ids(std::vector<TokenId> ids, const std::string& place, TooLong when) const {
  for (const TokenId id : ids) {
    if (id >= 0 && id < config_.vocab) continue;
    return Error(Code::kOutOfRange, place + " holds the token id " + std::to_string(id) +
                                        ", which is outside the vocabulary (0 to " + std::to_string(config_.vocab - 1) +
                                        ").")
        .with_param(place);
  }
  PreparedText prepared;
  prepared.text.ids = std::move(ids);
  if (prepared.text.ids.size() > static_cast<size_t>(config_.context_tokens)) {
    if (when == TooLong::kIsRefused) return too_long(place, "has", prepared.text.ids.size(), config_.context_tokens);
    prepared.text.ids.resize(static_cast<size_t>(config_.context_tokens));
    prepared.is_cut = true;
  }
  return prepared;
}

Result<std::unique_ptr<EncoderClient::Handle>> EncoderModel::start(EncodeRequest request, EncodedSink done) const {
  return client_->encode(std::move(request), std::move(done));
}

}  // namespace studio::inference
