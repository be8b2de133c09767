// The JSON files of a folder with a text encoder (BERT as MiniLM, E5 and BGE have it, XLM-R), as sentence-transformers
// lays it out: what the encoder is, what becomes of the vectors of its tokens (one vector, or the score of a
// cross-encoder), or why it is not one we compute.
//
// Every field that would change the numbers is read or refused by name; defaults are those of BertConfig of
// transformers 5.x. Files read: config.json; for vectors also modules.json, the pooling module's config.json,
// sentence_bert_config.json and config_sentence_transformers.json.
// Errors: corrupt_data and unimplemented, naming file and field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_fields.h"

namespace studio::engine {

inline constexpr size_t kMaxEncoderJsonBytes = 1 << 20;  // real ones are under 4 kB

// Values of the key bert.pooling_type. They reach disk: never reuse one. 0 is "none" in GGUF.
enum class Pooling : uint32_t {
  kMean = 1,
  kCls = 2,
  kLast = 3,
  kRank = 4,  // no vector: the head of a cross-encoder makes one score of the first token's
};

// Our own keys. Whether vectors are brought to length 1, bool; where it is missing they are.
inline constexpr std::string_view kNormalisesKey = "studio.normalises";
// Shorter vectors that the model was trained for (Matryoshka), i32 array; a 0 in it says: any. Missing: none.
inline constexpr std::string_view kShorterKey = "studio.shorter_dimensions";
// What the model wants before a text that asks, and before one that answers; text. Missing: nothing.
inline constexpr std::string_view kQueryPromptKey = "studio.prompt.query",
                                  kDocumentPromptKey = "studio.prompt.document";

// "bert", "xlm-roberta": what config.json calls the models read here.
bool is_encoder_type(std::string_view model_type);
// A cross-encoder has one label, whose logit is the score; more would be classes. `config` is of config.json.
Status check_one_label(const HfFields& config);

struct HfEncoderConfig {
  int layers = 0;          // L
  int hidden = 0;          // C
  int heads = 0;           // H
  int feed_forward = 0;    // F
  int vocab = 0;           // V
  int positions = 0;       // rows of the position embedding
  int token_types = 0;     // rows of the token type embedding, of which the first is used
  int first_position = 0;  // row of a text's first token: XLM-R's tables begin with one for padding
  int context_tokens = 0;  // a text may have, its [CLS] and [SEP] included; <= positions - first_position
  float norm_eps = 0;      // of layer norm
  Pooling pooling = Pooling::kMean;
  bool normalises = false;
  bool is_xlmr = false;          // XLM-R's names of tensors
  std::vector<int32_t> shorter;  // as kShorterKey has it
  std::string query_prompt, document_prompt;

  bool ranks() const { return pooling == Pooling::kRank; }

  static Result<HfEncoderConfig> parse(std::string_view config_json);
  // modules.json: sets `normalises`, and gives the folder of the pooling module, a plain name.
  Result<std::string> read_modules(std::string_view json);
  // config.json of that folder.
  Status read_pooling(std::string_view json);
  // sentence_bert_config.json: lowers context_tokens.
  Status read_sentence_config(std::string_view json);
  // config_sentence_transformers.json: the prompts.
  Status read_prompts(std::string_view json);
  // config.json: the lengths that vectors may be cut to, as the model's makers say it: a list, or "any".
  Status read_shorter(const HfFields& config);

  // The keys general.architecture and bert.*.
  void describe(GgufWriter& out) const;
  // Of them those of our own, which say what becomes of the vectors of tokens.
  void describe_sentence(GgufWriter& out) const;
};

struct EncoderTensor {
  std::string hf_name;          // "encoder.layer.0.attention.self.query.weight"
  std::string name;             // "blk.0.attn_q.weight", as GGUF has it
  std::vector<uint64_t> shape;  // outermost first: [rows, k] or [n]
  uint64_t rows_left_out = 0;   // of the front
};

// All that a configuration asks for.
std::vector<EncoderTensor> expected_encoder_tensors(const HfEncoderConfig& config);

}  // namespace studio::engine
