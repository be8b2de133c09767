#include "engine/formats/hf_encoder_config.h"

#include <algorithm>
#include <boost/json.hpp>

#include "engine/formats/hf_fields.h"
#include "engine/formats/hf_modules.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

// Bounds on what a file may claim, each far above any published encoder.
constexpr int kMaxLayers = 256, kMaxWidth = 1 << 16, kMaxHeads = 256, kMaxVocabulary = 1 << 22, kMaxTypes = 64;
constexpr int kMaxPositions = 1 << 16;
constexpr size_t kMaxShorter = 64;        // lengths of vectors; real models name six to eight
constexpr size_t kMaxPromptBytes = 4096;  // an instruction; real ones have a sentence

// What is_xlmr and pooling say afterwards: which of four architectures it is.
Status read_family(const HfFields& config, HfEncoderConfig& out) {
  STUDIO_TRY(auto type, config.text("model_type"));
  if (!type) return config.wrong("model_type", "is missing");
  if (!is_encoder_type(*type)) {
    return config.unsupported("model_type", quoted(*type) + " is no encoder we have; bert and xlm-roberta are");
  }
  out.is_xlmr = *type == "xlm-roberta";
  const json::value* classes = config.find("architectures");
  if (classes == nullptr) return Ok{};
  const json::array* list = classes->if_array();
  if (list == nullptr || list->size() != 1 || !(*list)[0].is_string()) {
    return config.wrong("architectures", "is no list of one name");
  }
  const std::string_view name = (*list)[0].get_string();
  const std::string family = out.is_xlmr ? "XLMRoberta" : "Bert", vectors = family + "Model";
  const std::string scores = family + "ForSequenceClassification";
  if (name == scores) {
    out.pooling = Pooling::kRank;
  } else if (name != vectors) {
    return config.unsupported("architectures",
                              quoted(name) + " is not supported; " + vectors + " and " + scores + " are");
  }
  return Ok{};
}

// One name, as newer files have it.
Status read_pooling_mode(const HfFields& fields, Pooling& pooling) {
  constexpr std::pair<std::string_view, Pooling> kModes[] = {
      {"mean", Pooling::kMean}, {"cls", Pooling::kCls}, {"lasttoken", Pooling::kLast}};
  STUDIO_TRY(const auto name, fields.text("pooling_mode"));
  const auto mode = std::ranges::find(kModes, std::string_view(*name), [](const auto& known) { return known.first; });
  if (mode == std::end(kModes)) {
    return fields.unsupported("pooling_mode", "= " + quoted(*name) + " is not supported; mean, cls and lasttoken are");
  }
  pooling = mode->second;
  return Ok{};
}

// All that would change what is computed, and is not computed here.
Status refuse_what_is_not_built(const HfFields& config) {
  STUDIO_TRY(auto activation, config.text("hidden_act"));
  if (activation.value_or("gelu") != "gelu") {
    return config.unsupported("hidden_act", "= " + quoted(*activation) + " is not supported; gelu is");
  }
  STUDIO_TRY(auto positions, config.text("position_embedding_type"));
  if (positions.value_or("absolute") != "absolute") {
    return config.unsupported("position_embedding_type", "= " + quoted(*positions) + " is not supported; absolute is");
  }
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    STUDIO_TRY(const bool is_set, config.flag_or(key, false));
    if (is_set) return config.unsupported(key, "= true is not supported");
  }
  if (config.has("quantization_config")) {
    return config.unsupported("quantization_config", "is not supported; take the unquantised weights");
  }
  return Ok{};
}

}  // namespace

bool is_encoder_type(std::string_view model_type) {
  return model_type == "bert" || model_type == "xlm-roberta";
}

Status check_one_label(const HfFields& config) {
  STUDIO_TRY(const auto labels, config.object("id2label"));
  STUDIO_TRY(const int count,
             config.whole_or("num_labels", 1, 1 << 20, labels ? static_cast<int>(labels->all().size()) : 2));
  if (count == 1) return Ok{};
  return config.unsupported("id2label", "has " + std::to_string(count) + " labels; a model that ranks has one");
}

Status HfEncoderConfig::read_shorter(const HfFields& config) {
  STUDIO_TRY(const bool is_any, config.flag_or("is_matryoshka", false));
  if (is_any) shorter = {0};
  const json::value* value = config.find("matryoshka_dimensions");
  if (value == nullptr) return Ok{};
  const json::array* list = value->if_array();
  if (list == nullptr || list->size() > kMaxShorter)
    return config.wrong("matryoshka_dimensions", "is no list of at most 64");
  shorter.clear();
  for (const json::value& item : *list) {
    if (!item.is_int64() || item.get_int64() < 1 || item.get_int64() > hidden) {
      return config.wrong("matryoshka_dimensions", "holds what is no length from 1 to hidden_size");
    }
    shorter.push_back(static_cast<int32_t>(item.get_int64()));
  }
  return Ok{};
}

Result<HfEncoderConfig> HfEncoderConfig::parse(std::string_view text) {
  STUDIO_TRY(auto fields, HfFields::parse("config.json", text, kMaxEncoderJsonBytes));
  HfEncoderConfig config;
  STUDIO_CHECK_OK(read_family(fields, config));
  STUDIO_CHECK_OK(refuse_what_is_not_built(fields));
  if (config.ranks()) STUDIO_CHECK_OK(check_one_label(fields));
  STUDIO_TRY(config.layers, fields.need_whole("num_hidden_layers", 1, kMaxLayers));
  STUDIO_TRY(config.hidden, fields.need_whole("hidden_size", 1, kMaxWidth));
  STUDIO_TRY(config.heads, fields.need_whole("num_attention_heads", 1, kMaxHeads));
  STUDIO_TRY(config.feed_forward, fields.need_whole("intermediate_size", 1, kMaxWidth));
  STUDIO_TRY(config.vocab, fields.need_whole("vocab_size", 1, kMaxVocabulary));
  STUDIO_TRY(config.positions, fields.need_whole("max_position_embeddings", 1, kMaxPositions));
  STUDIO_TRY(config.token_types, fields.whole_or("type_vocab_size", 1, kMaxTypes, 2));
  STUDIO_TRY(const double eps, fields.number_or("layer_norm_eps", 1e-30, 1, 1e-12));
  if (config.hidden % config.heads != 0) return fields.wrong("hidden_size", "is no multiple of num_attention_heads");
  if (config.is_xlmr) {
    // Its tokenizers call both texts of a pair by the first type, and nothing here says so.
    if (config.ranks() && config.token_types != 1) {
      return fields.unsupported("type_vocab_size", "other than 1 is not supported for an XLM-R that ranks");
    }
    STUDIO_TRY(const int padding, fields.whole_or("pad_token_id", 0, kMaxPositions, 1));
    config.first_position = padding + 1;
    if (config.first_position >= config.positions)
      return fields.wrong("pad_token_id", "leaves no position for a token");
  }
  STUDIO_CHECK_OK(config.read_shorter(fields));
  config.context_tokens = config.positions - config.first_position;
  config.norm_eps = static_cast<float>(eps);
  return config;
}

Result<std::string> HfEncoderConfig::read_modules(std::string_view text) {
  STUDIO_TRY(const auto modules, read_hf_modules(text));
  const std::string order = listed(modules);
  if (order != "Transformer Pooling" && order != "Transformer Pooling Normalize") {
    return Error(Code::kUnimplemented,
                 "modules.json lists " + quoted(order) + "; Transformer, Pooling and perhaps Normalize are supported");
  }
  const std::string& folder = modules[1].path;
  if (!is_plain_folder_name(folder)) {
    return Error(Code::kCorruptData, "modules.json names the pooling module's folder " + quoted(folder));
  }
  normalises = modules.size() == 3;
  return folder;
}

Status HfEncoderConfig::read_pooling(std::string_view text) {
  STUDIO_TRY(auto fields, HfFields::parse("pooling config.json", text, kMaxEncoderJsonBytes));
  for (const char* key : {"word_embedding_dimension", "embedding_dimension"}) {
    STUDIO_TRY(const int width, fields.whole_or(key, 1, kMaxWidth, hidden));
    if (width != hidden) return fields.wrong(key, "is not the hidden_size of config.json");
  }
  STUDIO_TRY(const bool counts_prompt, fields.flag_or("include_prompt", true));
  if (!counts_prompt) return fields.unsupported("include_prompt", "= false is not supported");
  constexpr std::pair<std::string_view, Pooling> kModes[] = {{"pooling_mode_mean_tokens", Pooling::kMean},
                                                             {"pooling_mode_cls_token", Pooling::kCls},
                                                             {"pooling_mode_lasttoken", Pooling::kLast}};
  if (fields.has("pooling_mode")) return read_pooling_mode(fields, pooling);
  int chosen = 0;
  for (const auto& [key, value] : fields.all()) {
    if (!key.starts_with("pooling_mode")) continue;
    STUDIO_TRY(const bool is_set, fields.flag_or(key, false));
    if (!is_set) continue;
    const auto mode = std::ranges::find(kModes, std::string_view(key), [](const auto& known) { return known.first; });
    if (mode == std::end(kModes)) return fields.unsupported(quoted(key), "is not supported; mean, cls and last are");
    pooling = mode->second;
    ++chosen;
  }
  if (chosen != 1)
    return fields.wrong("pooling_mode_*", "has not one mode that is true, but " + std::to_string(chosen));
  return Ok{};
}

Status HfEncoderConfig::read_sentence_config(std::string_view text) {
  STUDIO_TRY(auto fields, HfFields::parse("sentence_bert_config.json", text, kMaxEncoderJsonBytes));
  STUDIO_TRY(const int longest, fields.whole_or("max_seq_length", 3, kMaxPositions, positions));
  STUDIO_TRY(const bool lowers, fields.flag_or("do_lower_case", false));
  if (lowers) return fields.unsupported("do_lower_case", "= true is not supported; the tokenizer says what it lowers");
  context_tokens = std::min(positions - first_position, longest);
  return Ok{};
}

Status HfEncoderConfig::read_prompts(std::string_view text) {
  STUDIO_TRY(auto fields, HfFields::parse("config_sentence_transformers.json", text, kMaxEncoderJsonBytes));
  STUDIO_TRY(const auto usual, fields.text("default_prompt_name"));
  if (usual) {
    return fields.unsupported("default_prompt_name",
                              "= " + quoted(*usual) + " is not supported: texts are what they are");
  }
  STUDIO_TRY(const auto prompts, fields.object("prompts"));
  if (!prompts) return Ok{};
  const auto read = [&](const char* name, std::string& into) -> Status {
    STUDIO_TRY(auto prompt, prompts->text(name));
    if (prompt && prompt->size() > kMaxPromptBytes) return prompts->wrong(name, "is too long for a prompt");
    if (prompt) into = std::move(*prompt);
    return Ok{};
  };
  STUDIO_CHECK_OK(read("query", query_prompt));
  STUDIO_CHECK_OK(read("passage", document_prompt));
  return read("document", document_prompt);
}

void HfEncoderConfig::describe(GgufWriter& out) const {
  const auto count = [&](const char* key, int value) { out.add_u32(key, static_cast<uint32_t>(value)); };
  out.add_string("general.architecture", "bert");
  count("bert.block_count", layers);
  count("bert.context_length", context_tokens);
  count("bert.embedding_length", hidden);
  count("bert.feed_forward_length", feed_forward);
  count("bert.vocab_size", vocab);
  count("bert.attention.head_count", heads);
  out.add_f32("bert.attention.layer_norm_epsilon", norm_eps);
  out.add_bool("bert.attention.causal", false);
  out.add_u32("bert.pooling_type", static_cast<uint32_t>(pooling));
  describe_sentence(out);
}

void HfEncoderConfig::describe_sentence(GgufWriter& out) const {
  out.add_bool(kNormalisesKey, normalises);
  if (!shorter.empty()) out.add_i32_array(kShorterKey, shorter);
  if (!query_prompt.empty()) out.add_string(kQueryPromptKey, query_prompt);
  if (!document_prompt.empty()) out.add_string(kDocumentPromptKey, document_prompt);
}

std::vector<EncoderTensor> expected_encoder_tensors(const HfEncoderConfig& config) {
  const auto width = static_cast<uint64_t>(config.hidden), wide = static_cast<uint64_t>(config.feed_forward);
  std::vector<EncoderTensor> tensors = {
      {"embeddings.word_embeddings.weight", "token_embd.weight", {static_cast<uint64_t>(config.vocab), width}},
      {"embeddings.position_embeddings.weight",
       "position_embd.weight",
       {static_cast<uint64_t>(config.positions), width},
       static_cast<uint64_t>(config.first_position)},
      {"embeddings.token_type_embeddings.weight",
       "token_types.weight",
       {static_cast<uint64_t>(config.token_types), width}},
      {"embeddings.LayerNorm.weight", "token_embd_norm.weight", {width}},
      {"embeddings.LayerNorm.bias", "token_embd_norm.bias", {width}}};
  struct LayerTensor {
    const char *hf, *ours;
    uint64_t rows, k;  // k 0: a norm, whose weight is a vector
  };
  const LayerTensor of_layer[] = {{"attention.self.query", "attn_q", width, width},
                                  {"attention.self.key", "attn_k", width, width},
                                  {"attention.self.value", "attn_v", width, width},
                                  {"attention.output.dense", "attn_output", width, width},
                                  {"attention.output.LayerNorm", "attn_output_norm", width, 0},
                                  {"intermediate.dense", "ffn_up", wide, width},
                                  {"output.dense", "ffn_down", width, wide},
                                  {"output.LayerNorm", "layer_output_norm", width, 0}};
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string number = std::to_string(layer);
    for (const LayerTensor& tensor : of_layer) {
      const std::string hf = "encoder.layer." + number + "." + tensor.hf, ours = "blk." + number + "." + tensor.ours;
      std::vector<uint64_t> shape = {tensor.rows};
      if (tensor.k > 0) shape.push_back(tensor.k);
      tensors.push_back({hf + ".weight", ours + ".weight", std::move(shape)});
      tensors.push_back({hf + ".bias", ours + ".bias", {tensor.rows}});
    }
  }
  if (!config.ranks()) return tensors;
  const std::string dense = config.is_xlmr ? "classifier.dense" : "pooler.dense";
  const std::string score = config.is_xlmr ? "classifier.out_proj" : "classifier";
  tensors.push_back({dense + ".weight", "cls.weight", {width, width}});
  tensors.push_back({dense + ".bias", "cls.bias", {width}});
  tensors.push_back({score + ".weight", "cls.output.weight", {1, width}});
  tensors.push_back({score + ".bias", "cls.output.bias", {1}});
  return tensors;
}

}  // namespace studio::engine
