#include "engine/formats/hf_qwen3_encoder.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <optional>
#include <utility>

#include "engine/formats/folder_text.h"
#include "engine/formats/hf_around.h"
#include "engine/formats/hf_encoder_config.h"
#include "engine/formats/hf_modules.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tokenizer_json.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

constexpr std::string_view kDecoder = "Qwen3ForCausalLM", kVectors = "Qwen3Model",
                           kScores = "Qwen3ForSequenceClassification";
constexpr std::string_view kClasses[] = {kDecoder, kVectors, kScores};
constexpr const char* kModulesFile = "modules.json";
constexpr const char* kSentenceFile = "config_sentence_transformers.json";

// All of a folder but its vocabulary and weights.
struct Plan {
  HfConfig decoder;
  HfEncoderConfig sentence;  // what sentence-transformers' files say; sizes are the decoder's
  bool has_one_label = false;
  std::optional<int> yes, no;
  HfAround around;
};

bool has_class(const HfFields& config, std::string_view name) {
  const json::value* classes = config.find("architectures");
  const json::array* list = classes != nullptr ? classes->if_array() : nullptr;
  return list != nullptr && list->size() == 1 && (*list)[0].is_string() && (*list)[0].get_string() == name;
}

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().filename().string();
}

Status read_words(const std::string& path, const std::string& folder, Plan& plan) {
  if (!is_plain_folder_name(folder)) {
    return Error(Code::kCorruptData, "modules.json names the scoring module's folder " + engine::quoted(folder));
  }
  STUDIO_TRY(const auto text, read_folder_text(path, folder + "/config.json", kMaxEncoderJsonBytes));
  STUDIO_TRY(const auto fields, HfFields::parse(folder + "/config.json", text, kMaxEncoderJsonBytes));
  STUDIO_TRY(plan.yes, fields.need_whole("true_token_id", 0, plan.decoder.vocab - 1));
  if (!fields.has("false_token_id")) {
    return fields.unsupported("false_token_id", "that is missing is not supported: a score lies between two words");
  }
  STUDIO_TRY(plan.no, fields.need_whole("false_token_id", 0, plan.decoder.vocab - 1));
  return Ok{};
}

// The instruction that stands before a query where its author gives none.
Status read_instruction(const std::string& path, Plan& plan) {
  STUDIO_TRY(const auto text, read_optional_text(path, kSentenceFile, kMaxEncoderJsonBytes));
  if (!text) return Ok{};
  STUDIO_TRY(const auto fields, HfFields::parse(kSentenceFile, *text, kMaxEncoderJsonBytes));
  STUDIO_TRY(const auto name, fields.text("default_prompt_name"));
  if (!name) return Ok{};
  STUDIO_TRY(const auto prompts, fields.object("prompts"));
  if (!prompts || !prompts->has(*name)) return fields.wrong("default_prompt_name", "names no prompt");
  STUDIO_TRY(const auto instruction, prompts->text(*name));
  plan.sentence.query_prompt = *instruction;
  return Ok{};
}

Status read_vectors(const std::string& path, const std::string& modules, const HfFields& config, Plan& plan) {
  HfEncoderConfig& sentence = plan.sentence;
  STUDIO_TRY(const std::string folder, sentence.read_modules(modules));
  STUDIO_TRY(const auto pooling, read_folder_text(path, folder + "/config.json", kMaxEncoderJsonBytes));
  STUDIO_CHECK_OK(sentence.read_pooling(pooling));
  if (!config.has("is_matryoshka")) sentence.shorter = {0};  // the family is trained for it
  STUDIO_CHECK_OK(sentence.read_shorter(config));
  STUDIO_TRY(const auto prompts, read_optional_text(path, kSentenceFile, kMaxEncoderJsonBytes));
  if (prompts) STUDIO_CHECK_OK(sentence.read_prompts(*prompts));
  STUDIO_TRY(const auto tokenizer, read_folder_text(path, "tokenizer.json", kMaxTokenizerJsonBytes));
  STUDIO_TRY(plan.around, HfAround::parse(tokenizer, static_cast<size_t>(plan.decoder.vocab)));
  return Ok{};
}

Result<Plan> read_plan(const std::string& path) {
  STUDIO_TRY(const auto text, read_folder_text(path, kHfConfigFile, kMaxHfConfigBytes));
  STUDIO_TRY(const auto config, HfFields::parse(kHfConfigFile, text, kMaxHfConfigBytes));
  Plan plan;
  STUDIO_TRY(plan.decoder, HfConfig::parse(text, kClasses));
  HfEncoderConfig& sentence = plan.sentence;
  sentence.hidden = plan.decoder.hidden;
  sentence.positions = sentence.context_tokens = plan.decoder.context_tokens;
  sentence.pooling = Pooling::kRank;
  STUDIO_TRY(const auto modules, read_optional_text(path, kModulesFile, kMaxEncoderJsonBytes));
  if (has_class(config, kScores)) {
    STUDIO_CHECK_OK(check_one_label(config));
    plan.has_one_label = true;
    STUDIO_CHECK_OK(read_instruction(path, plan));
  } else if (modules) {
    STUDIO_TRY(const auto list, read_hf_modules(*modules));
    const bool ranks = listed(list) == "Transformer LogitScore";
    if (!ranks) STUDIO_CHECK_OK(read_vectors(path, *modules, config, plan));
    if (ranks) STUDIO_CHECK_OK(read_words(path, list[1].path, plan));
    if (ranks) STUDIO_CHECK_OK(read_instruction(path, plan));
  }
  STUDIO_TRY(const auto limits, read_optional_text(path, "sentence_bert_config.json", kMaxEncoderJsonBytes));
  if (limits) STUDIO_CHECK_OK(sentence.read_sentence_config(*limits));
  plan.decoder.context_tokens = sentence.context_tokens;
  return plan;
}

void describe(const Plan& plan, GgufWriter& out) {
  out.add_u32("qwen3.pooling_type", static_cast<uint32_t>(plan.sentence.pooling));
  plan.sentence.describe_sentence(out);
  if (plan.yes) out.add_u32(kYesKey, static_cast<uint32_t>(*plan.yes));
  if (plan.no) out.add_u32(kNoKey, static_cast<uint32_t>(*plan.no));
  if (plan.sentence.ranks()) return;  // whose text is written around both parts, not by the tokenizer
  if (!plan.around.before.empty()) out.add_i32_array(kBeforeKey, plan.around.before);
  if (!plan.around.after.empty()) out.add_i32_array(kAfterKey, plan.around.after);
}

// A decoder's, without its head where nothing is read of it.
HfFolderPlan folder_plan(const Plan& plan) {
  HfFolderPlan folder{.config = plan.decoder,
                      .tensors = expected_tensors(plan.decoder),
                      .passed_over = {},
                      .may_lack_prefix = true,
                      .describe = [&plan](GgufWriter& out) { describe(plan, out); }};
  const bool has_words = plan.sentence.ranks() && !plan.has_one_label;
  if (!has_words) {
    std::erase_if(folder.tensors, [](const ExpectedTensor& tensor) { return tensor.name == "output.weight"; });
    folder.passed_over = {"lm_head.weight"};
  }
  if (plan.has_one_label) {
    folder.tensors.push_back({"score.weight", "cls.output.weight", {1, static_cast<uint64_t>(plan.decoder.hidden)}});
  }
  return folder;
}

}  // namespace

bool is_named_reranker(std::string_view name) {
  constexpr std::string_view kWord = "reranker";
  const auto is_same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  };
  return !std::ranges::search(name, kWord, is_same).empty();
}

bool is_qwen3_encoder_folder(const std::string& path, const HfFields& config) {
  std::error_code error;
  const auto is_original = config.flag_or("is_original_qwen3_reranker", false);
  return std::filesystem::exists(path + "/" + kModulesFile, error) || has_class(config, kScores) ||
         (is_original.ok() && *is_original) || is_named_reranker(name_of(path));
}

Result<ModelSource> read_hf_qwen3_encoder(const std::string& path, FolderPart part) {
  STUDIO_TRY(const Plan plan, read_plan(path));
  return read_hf_folder(path, part, folder_plan(plan));
}

}  // namespace studio::engine
