// The text side of a served encoder: its tokenizer, in front of a client that knows ids alone.
//
// open() reads what the encoder is and its vocabulary; the weights stay with the worker. prepare_*() turn texts into
// ids, start() has them computed. Nothing here knows a dialect. Threads: immutable once opened; everything may be
// called from any thread. prepare_*() may take milliseconds.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/encoders/encoder_config.h"
#include "engine/tokenizer/encoder_tokenizer.h"
#include "inference/encoder_client.h"

namespace studio::inference {

// A text that became ids, or was cut to become some.
struct PreparedText {
  engine::EncoderText text;
  bool is_cut = false;
};

// What is done to a text that the model cannot take whole.
enum class TooLong { kIsRefused, kIsCut };

class EncoderModel {
 public:
  // `path` is the model that the client's worker runs; only its head is read. Errors: those of the readers.
  static Result<std::shared_ptr<EncoderModel>> open(const std::string& path, std::shared_ptr<EncoderClient> client);

  const engine::EncoderConfig& config() const { return config_; }
  const EncoderClient& client() const { return *client_; }
  int context_tokens() const { return config_.context_tokens; }

  // `place` is the text's in the request ("input[3]"). Errors: invalid_argument with both counts where it is too long
  // and not to be cut; a cut leaves out the end.
  Result<PreparedText> prepare_text(std::string_view text, const std::string& place, TooLong too_long) const;
  // Of a model that ranks: the document is what may be cut. Errors also where the query leaves no room for one.
  Result<PreparedText> prepare_pair(const std::vector<engine::TokenId>& query, std::string_view document,
                                    const std::string& place, TooLong too_long) const;
  // A text's ids with what stands around them, whatever their number.
  std::vector<engine::TokenId> text_ids(std::string_view text) const;
  // `instruction` is for models that take one (takes_instruction()), and replaces their own.
  std::vector<engine::TokenId> query_ids(std::string_view query,
                                         const std::optional<std::string>& instruction = std::nullopt) const;
  // Whether a query may say what is asked of the texts. Others are refused one by the dialects.
  bool takes_instruction() const;
  // What stands before a text that asks, with another instruction where one is given.
  std::string query_prompt(const std::optional<std::string>& instruction) const;
  // As they are: whoever sends ids has put there what stands around them. Errors: out_of_range outside the vocabulary.
  Result<PreparedText> prepare_ids(std::vector<engine::TokenId> ids, const std::string& place, TooLong too_long) const;

  // See EncoderClient::encode().
  Result<std::unique_ptr<EncoderClient::Handle>> start(EncodeRequest request, EncodedSink done) const;

 private:
  EncoderModel() = default;
  // Of a decoder that ranks: query and document are parts of one text that tells it what to do.
  bool ranks_by_words() const { return config_.ranks() && config_.is_decoder(); }
  Status place_around();

  engine::EncoderConfig config_;
  std::shared_ptr<const engine::EncoderTokenizer> tokenizer_;
  std::vector<engine::TokenId> before_, between_, after_;  // around and between texts
  std::shared_ptr<EncoderClient> client_;
};

}  // namespace studio::inference
