#include "engine/formats/hf_config.h"

#include <algorithm>
#include <boost/json.hpp>

#include "engine/formats/hf_fields.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

// Bounds on what a file may claim, each far above any published dense model: they keep products within 63 bits.
constexpr int kMaxLayers = 1024, kMaxWidth = 1 << 18, kMaxHeads = 1024, kMaxHeadWidth = 1024;
constexpr int kMaxContext = 1 << 22, kMaxVocabulary = 1 << 22;

struct Family {
  std::string_view model_type, architecture_class;
  int head_dim;       // where the file has none; 0: hidden_size / num_attention_heads
  double rope_theta;  // where the file has none
};

constexpr Family kFamilies[] = {{"qwen2", "Qwen2ForCausalLM", 0, 10000.0},
                                {"qwen3", "Qwen3ForCausalLM", 128, 10000.0},
                                {"llama", "LlamaForCausalLM", 0, 10000.0}};

Result<const Family*> family_of(const HfFields& config, std::span<const std::string_view> accepted) {
  STUDIO_TRY(auto type, config.text("model_type"));
  if (!type) return config.wrong("model_type", "is missing");
  const Family* family = nullptr;
  std::string known;
  for (const Family& candidate : kFamilies) {
    if (candidate.model_type == *type) family = &candidate;
    known += (known.empty() ? "" : ", ") + std::string(candidate.model_type);
  }
  if (family == nullptr)
    return config.unsupported("model_type", quoted(*type) + " is not supported; known are " + known);
  const json::value* classes = config.find("architectures");
  if (classes == nullptr) return family;
  const json::array* list = classes->if_array();
  if (list == nullptr || list->size() != 1 || !(*list)[0].is_string()) {
    return config.wrong("architectures", "is no list of one name");
  }
  const std::string_view name = (*list)[0].get_string();
  const bool is_accepted =
      accepted.empty() ? name == family->architecture_class : std::ranges::find(accepted, name) != accepted.end();
  if (!is_accepted) {
    return config.unsupported("architectures", quoted(name) + " is not supported; for this model_type " +
                                                   std::string(family->architecture_class) + " is");
  }
  return family;
}

// `parameters` is rope_scaling, or rope_parameters, which newer files have for it and rope_theta.
Status check_rope(const HfFields& parameters) {
  for (const char* key : {"rope_type", "type"}) {
    STUDIO_TRY(auto kind, parameters.text(key));
    if (kind && *kind != "default") {
      return parameters.unsupported(key,
                                    "= " + quoted(*kind) + " is not supported; only unscaled rotary embeddings are");
    }
  }
  // Per-layer parameters and scales of a kind that is not named would change the arithmetic too.
  for (const char* key : {"factor", "full_attention", "sliding_attention", "mrope_section", "partial_rotary_factor"}) {
    if (parameters.has(key)) return parameters.unsupported(key, "is not supported");
  }
  return Ok{};
}

Status refuse_flags(const HfFields& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    STUDIO_TRY(const bool is_set, config.flag_or(key, false));
    if (is_set) return config.unsupported(key, "= true is not supported");
  }
  return Ok{};
}

// All that would change what is computed, and is not computed here.
Status refuse_what_is_not_built(const HfFields& config, const Family& family) {
  STUDIO_TRY(auto activation, config.text("hidden_act"));
  if (activation.value_or("silu") != "silu") {
    return config.unsupported("hidden_act", "= " + quoted(*activation) + " is not supported; silu is");
  }
  if (config.has("quantization_config")) {
    return config.unsupported("quantization_config",
                              "is not supported; take the unquantised weights and choose a type here");
  }
  STUDIO_CHECK_OK(refuse_flags(config, {"use_sliding_window", "mlp_bias", "use_mrope"}));
  if (family.model_type != "qwen2") STUDIO_CHECK_OK(refuse_flags(config, {"attention_bias"}));
  STUDIO_TRY(const double rotary, config.number_or("partial_rotary_factor", 0, 1, 1));
  if (rotary != 1) return config.unsupported("partial_rotary_factor", "other than 1 is not supported");
  if (const json::value* types = config.find("layer_types")) {
    const json::array* list = types->if_array();
    const bool is_plain = list != nullptr && std::all_of(list->begin(), list->end(), [](const json::value& type) {
                            return type.is_string() && type.get_string() == "full_attention";
                          });
    if (!is_plain) return config.unsupported("layer_types", "other than full_attention are not supported");
  }
  return Ok{};
}

}  // namespace

Result<HfConfig> HfConfig::parse(std::string_view text, std::span<const std::string_view> classes) {
  STUDIO_TRY(auto fields, HfFields::parse("config.json", text, kMaxHfConfigBytes));
  STUDIO_TRY(const Family* family, family_of(fields, classes));
  STUDIO_CHECK_OK(refuse_what_is_not_built(fields, *family));

  HfConfig config;
  config.architecture = std::string(family->model_type);
  STUDIO_TRY(config.layers, fields.need_whole("num_hidden_layers", 1, kMaxLayers));
  STUDIO_TRY(config.hidden, fields.need_whole("hidden_size", 1, kMaxWidth));
  STUDIO_TRY(config.heads, fields.need_whole("num_attention_heads", 1, kMaxHeads));
  STUDIO_TRY(config.kv_heads, fields.whole_or("num_key_value_heads", 1, kMaxHeads, config.heads));
  const int head_dim = family->head_dim > 0 ? family->head_dim : config.hidden / config.heads;
  STUDIO_TRY(config.head_dim, fields.whole_or("head_dim", 1, kMaxHeadWidth, head_dim));
  STUDIO_TRY(config.feed_forward, fields.need_whole("intermediate_size", 1, kMaxWidth));
  STUDIO_TRY(config.vocab, fields.need_whole("vocab_size", 1, kMaxVocabulary));
  STUDIO_TRY(config.context_tokens, fields.need_whole("max_position_embeddings", 1, kMaxContext));
  if (config.head_dim < 1) return fields.wrong("hidden_size", "is smaller than num_attention_heads");
  if (config.heads % config.kv_heads != 0) {
    return fields.wrong("num_attention_heads", "is no multiple of num_key_value_heads");
  }
  if (config.head_dim % 2 != 0) return fields.wrong("head_dim", "is odd: rotary embeddings turn pairs");

  STUDIO_TRY(const double eps, fields.number_or("rms_norm_eps", 1e-30, 1, 1e-6));
  STUDIO_TRY(double theta, fields.number_or("rope_theta", 1, 1e30, family->rope_theta));
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    STUDIO_TRY(auto parameters, fields.object(key));
    if (!parameters) continue;
    STUDIO_CHECK_OK(check_rope(*parameters));
    STUDIO_TRY(theta, parameters->number_or("rope_theta", 1, 1e30, theta));
  }
  config.norm_eps = static_cast<float>(eps);
  config.rope_base = static_cast<float>(theta);
  STUDIO_TRY(config.ties_embeddings, fields.flag_or("tie_word_embeddings", false));
  STUDIO_TRY(config.bos_ids, fields.ids("bos_token_id"));
  STUDIO_TRY(config.eos_ids, fields.ids("eos_token_id"));
  STUDIO_TRY(config.pad_ids, fields.ids("pad_token_id"));
  return config;
}

void HfConfig::describe(GgufWriter& out) const {
  const std::string a = architecture + ".";
  auto count = [&](const char* key, int value) { out.add_u32(a + key, static_cast<uint32_t>(value)); };
  out.add_string("general.architecture", architecture);
  count("block_count", layers);
  count("context_length", context_tokens);
  count("embedding_length", hidden);
  count("feed_forward_length", feed_forward);
  count("attention.head_count", heads);
  count("attention.head_count_kv", kv_heads);
  count("attention.key_length", head_dim);
  count("attention.value_length", head_dim);
  count("rope.dimension_count", head_dim);
  out.add_f32(a + "attention.layer_norm_rms_epsilon", norm_eps);
  out.add_f32(a + "rope.freq_base", rope_base);
}

}  // namespace studio::engine
