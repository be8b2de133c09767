#include "engine/formats/hf_text.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "engine/formats/hf_fields.h"
#include "engine/formats/source_error.h"

namespace studio::engine {
namespace {

namespace json = boost::json;

// Values of tokenizer.ggml.token_type; they reach disk.
enum TokenType : int32_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

// A token is given as its text, or as an object that holds it as "content".
Result<std::string> token_text(const HfFields& config, std::string_view key) {
  const json::value* value = config.find(key);
  if (value == nullptr) return std::string();
  if (value->is_string()) return std::string(value->get_string());
  if (!value->is_object()) return config.wrong(key, "is neither a text nor a token");
  STUDIO_TRY(auto token, config.object(key));
  STUDIO_TRY(auto content, token->text("content"));
  return content.value_or("");
}

// One template, or a list of named ones, of which "default" is the one for conversations.
Result<std::optional<std::string>> template_text(const HfFields& config) {
  const json::value* value = config.find("chat_template");
  const json::array* list = value != nullptr ? value->if_array() : nullptr;
  if (list == nullptr) return config.text("chat_template");
  for (const json::value& item : *list) {
    const json::object* entry = item.if_object();
    const json::value* name = entry != nullptr ? entry->if_contains("name") : nullptr;
    const json::value* text = entry != nullptr ? entry->if_contains("template") : nullptr;
    if (name == nullptr || text == nullptr || !name->is_string() || !text->is_string()) {
      return config.wrong("chat_template", "holds what is no pair of name and template");
    }
    if (name->get_string() == "default") return std::optional<std::string>(std::string(text->get_string()));
  }
  return config.wrong("chat_template", "has no template called default");
}

// Some releases forget to mark their control tokens as special; converters go by their look.
bool looks_like_control(std::string_view token) {
  return (token.starts_with("<|") && token.ends_with("|>")) || (token.starts_with("<｜") && token.ends_with("｜>"));
}

// The id of an added token's text; -1: none has it.
int32_t id_of(const HfTokenizer& tokenizer, std::string_view content) {
  for (const HfAddedToken& token : tokenizer.added) {
    if (!content.empty() && token.content == content) return token.id;
  }
  return -1;
}

Error outside(const std::string& what, int64_t id, int vocab) {
  return Error(Code::kCorruptData, what + ": token id " + std::to_string(id) +
                                       " is outside of config.json's vocab_size " + std::to_string(vocab));
}

Status check_ids(const char* file, const std::vector<int32_t>& ids, int vocab) {
  for (const int32_t id : ids) {
    if (id >= vocab) return outside(file, id, vocab);
  }
  return Ok{};
}

struct Vocabulary {
  std::vector<std::string> tokens;  // [V]
  std::vector<int32_t> types;       // [V]
};

Result<Vocabulary> vocabulary_of(const HfTokenizer& tokenizer, int vocab) {
  const auto size = static_cast<size_t>(vocab);
  if (tokenizer.tokens.size() > size) {
    return outside("tokenizer.json", static_cast<int64_t>(tokenizer.tokens.size()) - 1, vocab);
  }
  Vocabulary made;
  made.tokens = tokenizer.tokens;
  made.tokens.resize(size);
  made.types.assign(size, kNormal);
  for (const HfAddedToken& token : tokenizer.added) {
    if (token.id >= vocab) return outside("tokenizer.json", token.id, vocab);
    const auto at = static_cast<size_t>(token.id);
    if (made.types[at] != kNormal) {
      return Error(Code::kCorruptData, "tokenizer.json: added token " + std::to_string(token.id) + " is there twice");
    }
    made.tokens[at] = token.content;
    made.types[at] = token.special || looks_like_control(token.content) ? kControl : kUserDefined;
  }
  for (size_t id = 0; id < size; ++id) {
    if (!made.tokens[id].empty()) continue;
    made.tokens[id] = "[PAD" + std::to_string(id) + "]";  // rows of the embedding that no token has
    made.types[id] = kUnused;
  }
  return made;
}

// The token's id by tokenizer_config.json, or else by config.json.
int32_t special_id(const HfTokenizer& tokenizer, const std::string& content, const std::vector<int32_t>& ids) {
  const int32_t id = id_of(tokenizer, content);
  return id >= 0 || ids.empty() ? id : ids[0];
}

}  // namespace

Result<HfTokenizerConfig> HfTokenizerConfig::parse(std::string_view text) {
  STUDIO_TRY(auto fields, HfFields::parse("tokenizer_config.json", text, kMaxTokenizerConfigBytes));
  HfTokenizerConfig config;
  STUDIO_TRY(config.bos, token_text(fields, "bos_token"));
  STUDIO_TRY(config.eos, token_text(fields, "eos_token"));
  STUDIO_TRY(config.pad, token_text(fields, "pad_token"));
  if (fields.has("add_bos_token")) {
    STUDIO_TRY(config.add_bos, fields.flag_or("add_bos_token", false));
  }
  STUDIO_TRY(config.chat_template, template_text(fields));
  return config;
}

Result<std::vector<int32_t>> parse_generation_end_ids(std::string_view text) {
  STUDIO_TRY(auto fields, HfFields::parse("generation_config.json", text, kMaxGenerationConfigBytes));
  return fields.ids("eos_token_id");
}

Status HfText::describe(const HfConfig& model, GgufWriter& out) const {
  STUDIO_TRY(auto vocabulary, vocabulary_of(tokenizer, model.vocab));
  STUDIO_CHECK_OK(check_ids("config.json: bos_token_id", model.bos_ids, model.vocab));
  STUDIO_CHECK_OK(check_ids("config.json: eos_token_id", model.eos_ids, model.vocab));
  STUDIO_CHECK_OK(check_ids("config.json: pad_token_id", model.pad_ids, model.vocab));
  STUDIO_CHECK_OK(check_ids("generation_config.json: eos_token_id", generation_end_ids, model.vocab));
  if (tokenizer.split == "qwen2" && !tokenizer.nfc) {
    return Error(Code::kUnimplemented,
                 "tokenizer.json: Qwen's pre_tokenizer without the NFC normalizer is not supported");
  }
  if (tokenizer.split != "qwen2" && tokenizer.nfc) {
    return Error(Code::kUnimplemented,
                 "tokenizer.json: the NFC normalizer is supported with Qwen's pre_tokenizer alone");
  }
  out.add_string("tokenizer.ggml.model", "gpt2");
  out.add_string("tokenizer.ggml.pre", tokenizer.split);
  out.add_string_array("tokenizer.ggml.tokens", vocabulary.tokens);
  out.add_i32_array("tokenizer.ggml.token_type", vocabulary.types);
  out.add_string_array("tokenizer.ggml.merges", tokenizer.merges);
  auto add_id = [&](const char* key, int32_t id) {
    if (id >= 0) out.add_u32(key, static_cast<uint32_t>(id));
  };
  add_id("tokenizer.ggml.bos_token_id", special_id(tokenizer, config.bos, model.bos_ids));
  const int32_t eos = special_id(tokenizer, config.eos, model.eos_ids);
  add_id("tokenizer.ggml.eos_token_id", eos);
  add_id("tokenizer.ggml.padding_token_id", special_id(tokenizer, config.pad, model.pad_ids));
  if (config.add_bos) out.add_bool("tokenizer.ggml.add_bos_token", *config.add_bos);

  std::vector<int32_t> ends = generation_end_ids;
  ends.insert(ends.end(), model.eos_ids.begin(), model.eos_ids.end());
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  if (!ends.empty()) out.add_i32_array(kEndIdsKey, ends);

  const std::optional<std::string>& source = template_file ? template_file : config.chat_template;
  if (source) out.add_string("tokenizer.chat_template", *source);
  return Ok{};
}

}  // namespace studio::engine
