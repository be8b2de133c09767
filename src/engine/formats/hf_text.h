// The text side of a Hugging Face model folder as metadata of a model: vocabulary, special ids, chat template.
//
// The keys and values are those that llama.cpp's convert_hf_to_gguf.py would write into a GGUF file of the folder, so
// that both give the same ids. One key is our own: studio.end_token_ids, every id that ends an answer, where the
// folder names more than one (generation_config.json).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/hf_config.h"
#include "engine/formats/hf_tokenizer.h"

namespace studio::engine {

inline constexpr size_t kMaxTokenizerConfigBytes = 8u << 20;  // templates and added tokens once more; real ones: 20 kB
inline constexpr size_t kMaxGenerationConfigBytes = 1 << 20;  // real ones are under 1 kB
inline constexpr size_t kMaxTemplateFileBytes = 1 << 20;      // real templates are under 100 kB

// tokenizer_config.json: the fields that matter here.
struct HfTokenizerConfig {
  std::string bos, eos, pad;  // contents of tokens; empty: none
  std::optional<bool> add_bos;
  std::optional<std::string> chat_template;

  static Result<HfTokenizerConfig> parse(std::string_view json);
};

// The end ids of generation_config.json.
Result<std::vector<int32_t>> parse_generation_end_ids(std::string_view json);

// What is known of the folder's text side; config, and all of the optional files that are there.
struct HfText {
  HfTokenizer tokenizer;
  HfTokenizerConfig config;
  std::vector<int32_t> generation_end_ids;
  std::optional<std::string> template_file;  // chat_template.jinja, which goes before the field of that name

  // Errors: corrupt_data where an id or token lies outside the vocabulary of `model`.
  Status describe(const HfConfig& model, GgufWriter& out) const;
};

}  // namespace studio::engine
