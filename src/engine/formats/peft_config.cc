#include "engine/formats/peft_config.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "engine/formats/hf_fields.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr double kMaxAlpha = 1e6;      // real ones are 8 to 512
constexpr size_t kMaxPatterns = 8192;  // a name for each matrix of a model of 1,000 layers

// Read here, or without a meaning for what is computed: how the adapter was trained and where its base came from.
constexpr std::string_view kKnown[] = {
    "peft_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "bias", "init_lora_weights",
    "task_type",
    // which modules it has is told by its tensors
    "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern",
    // training, and how the first values were drawn
    "lora_dropout", "inference_mode", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "runtime_config",
    // names and versions
    "auto_mapping", "base_model_name_or_path", "revision", "peft_version", "megatron_core", "qalora_group_size"};

// Ways to begin that take what they put into the factors out of the base's weights: over the plain base the adapter
// means nothing. (PEFT writes `true` once such an adapter was converted.)
constexpr std::string_view kChangesBase[] = {"pissa", "olora", "corda", "loftq", "lora_ga"};

bool is_off(const json::value& value) {
  if (value.is_bool()) return !value.get_bool();
  if (value.is_array()) return value.get_array().empty();
  return value.is_object() && value.get_object().empty();
}

Status refuse_what_is_not_computed(const HfFields& fields) {
  for (const auto& [key, value] : fields.all()) {
    if (value.is_null() || is_off(value) || std::ranges::find(kKnown, std::string_view(key)) != std::end(kKnown))
      continue;
    return fields.unsupported(quoted(std::string_view(key)),
                              "is set, and is not supported; an adapter without it can be read");
  }
  STUDIO_TRY(const auto bias, fields.text("bias"));
  if (bias.value_or("none") != "none") {
    return fields.unsupported("bias",
                              "is " + engine::quoted(*bias) + "; adapters that change biases are not supported");
  }
  STUDIO_TRY(const auto task, fields.text("task_type"));
  if (task.value_or("CAUSAL_LM") != "CAUSAL_LM") {
    return fields.unsupported("task_type", "is " + engine::quoted(*task) + "; CAUSAL_LM is supported");
  }
  const json::value* init = fields.find("init_lora_weights");
  if (init == nullptr || !init->is_string()) return Ok{};
  for (const std::string_view way : kChangesBase) {
    if (!std::string_view(init->get_string()).starts_with(way)) continue;
    return fields.unsupported("init_lora_weights", "is " + quoted(std::string_view(init->get_string())) +
                                                       ", which changes the base model; save the adapter converted "
                                                       "(path_initial_model_for_weight_conversion)");
  }
  return Ok{};
}

// Keys are regular expressions to PEFT. What people write are names and their ends, and those alone are taken.
bool is_plain(std::string_view key) {
  if (key.starts_with('^')) key.remove_prefix(1);
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

bool matches(std::string_view key, std::string_view module) {
  if (key.starts_with('^')) return key.substr(1) == module;
  if (!module.ends_with(key)) return false;
  return module.size() == key.size() || module[module.size() - key.size() - 1] == '.';
}

template <typename Number, typename Read>
Result<std::vector<std::pair<std::string, Number>>> read_pattern(const HfFields& fields, const char* name, Read read) {
  std::vector<std::pair<std::string, Number>> pattern;
  STUDIO_TRY(const auto table, fields.object(name));
  if (!table) return pattern;
  for (const auto& entry : table->all()) {
    const std::string key(entry.key());
    if (pattern.size() == kMaxPatterns) return fields.wrong(name, "has too many entries");
    if (!is_plain(key)) {
      return table->unsupported(engine::quoted(key), "is a pattern; names of modules and their ends are supported");
    }
    STUDIO_TRY(const Number value, read(*table, key));
    pattern.emplace_back(key, value);
  }
  return pattern;
}

template <typename Number>
Number find_in(const std::vector<std::pair<std::string, Number>>& pattern, std::string_view module, Number otherwise) {
  const auto found = std::ranges::find_if(pattern, [&](const auto& entry) { return matches(entry.first, module); });
  return found == pattern.end() ? otherwise : found->second;
}

Result<double> read_alpha(const HfFields& fields, const std::string& key) {
  STUDIO_TRY(const double alpha, fields.number_or(key, 0, kMaxAlpha, 8));
  if (alpha == 0) return fields.wrong(key, "is 0, which would switch the adapter off");
  return alpha;
}

}  // namespace

Result<PeftConfig> PeftConfig::parse(std::string_view text) {
  STUDIO_TRY(const HfFields fields, HfFields::parse(kPeftConfigFile, text, kMaxPeftConfigBytes));
  STUDIO_TRY(const auto type, fields.text("peft_type"));
  if (!type) return fields.wrong("peft_type", "is missing");
  if (*type != "LORA") return fields.unsupported("peft_type", "is " + engine::quoted(*type) + "; LORA is supported");
  STUDIO_CHECK_OK(refuse_what_is_not_computed(fields));
  PeftConfig config;
  STUDIO_TRY(config.rank, fields.whole_or("r", 1, kMaxLoraRank, 8));
  STUDIO_TRY(config.alpha, read_alpha(fields, "lora_alpha"));
  STUDIO_TRY(config.uses_rslora, fields.flag_or("use_rslora", false));
  STUDIO_TRY(config.rank_pattern,
             read_pattern<int>(fields, "rank_pattern", [](const HfFields& table, const std::string& key) {
               return table.need_whole(key, 1, kMaxLoraRank);
             }));
  STUDIO_TRY(config.alpha_pattern, read_pattern<double>(fields, "alpha_pattern", read_alpha));
  return config;
}

int PeftConfig::rank_of(std::string_view module) const {
  return find_in(rank_pattern, module, rank);
}

double PeftConfig::scale_of(std::string_view module) const {
  const double r = rank_of(module);
  return find_in(alpha_pattern, module, alpha) / (uses_rslora ? std::sqrt(r) : r);
}

}  // namespace studio::engine
