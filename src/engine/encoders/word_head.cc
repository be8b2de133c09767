#include "engine/encoders/word_head.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/formats/block_codec.h"
#include "engine/formats/hf_qwen3_encoder.h"

namespace studio::engine {
namespace {

constexpr const char* kHead = "cls.output.weight";
constexpr const char* kLabelsKey = "qwen3.classifier.output_labels";
constexpr std::string_view kYes = "yes", kNo = "no";

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

Result<std::vector<float>> row_of(const TensorInfo& table, uint64_t row, int width) {
  if (table.row_elements() != static_cast<uint64_t>(width) || row >= table.rows()) {
    return Error(Code::kCorruptData, "tensor " + std::string(table.name) + " has no row " + std::to_string(row) +
                                         " of " + std::to_string(width));
  }
  if (table.order != TensorOrder::kRows) return Error(Code::kUnimplemented, "panel files of encoders are not read");
  std::vector<float> values(static_cast<size_t>(width));
  decode_row(table.dtype, table.data.data() + row * (table.data.size() / table.rows()), values.data(), values.size());
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    return Error(Code::kCorruptData, "tensor " + std::string(table.name) + " holds a value that is not finite");
  }
  return values;
}

// Of a word: by its key, or else its place in the vocabulary.
Result<uint64_t> id_of(const ModelSource& source, std::string_view key, std::string_view word) {
  STUDIO_TRY(const auto id, source.find_u64(key));
  if (id) return *id;
  STUDIO_TRY(const auto tokens, source.get_string_array("tokenizer.ggml.tokens"));
  const auto found = std::ranges::find(tokens, word);
  if (found == tokens.end()) {
    return Error(Code::kUnimplemented, "a vocabulary without the token \"" + std::string(word) + "\" cannot rank");
  }
  return static_cast<uint64_t>(found - tokens.begin());
}

// Which of two rows is that of "yes".
Result<uint64_t> row_of_yes(const ModelSource& source) {
  STUDIO_TRY(const auto labels, source.get_string_array(kLabelsKey));
  if (labels.size() == 2 && labels[0] == kYes && labels[1] == kNo) return uint64_t{0};
  if (labels.size() == 2 && labels[0] == kNo && labels[1] == kYes) return uint64_t{1};
  return Error(Code::kUnimplemented, std::string(kLabelsKey) + " other than yes and no are not supported");
}

}  // namespace

Result<WordHead> WordHead::load(const ModelSource& source, int width) {
  WordHead head;
  if (const TensorInfo* labels = source.find_tensor(kHead); labels != nullptr) {
    if (labels->rows() > 2) return Error(Code::kUnimplemented, std::string(kHead) + " has more than two labels");
    const bool is_one = labels->rows() == 1;
    uint64_t yes = 0;
    if (!is_one) {
      STUDIO_TRY(yes, row_of_yes(source));
    }
    STUDIO_TRY(head.yes_, row_of(*labels, yes, width));
    if (is_one) return head;
    STUDIO_TRY(head.no_, row_of(*labels, 1 - yes, width));
    return head;
  }
  const char* name = source.find_tensor("output.weight") != nullptr ? "output.weight" : "token_embd.weight";
  STUDIO_TRY(const TensorInfo* words, source.get_tensor(name));
  STUDIO_TRY(const uint64_t yes, id_of(source, kYesKey, kYes));
  STUDIO_TRY(const uint64_t no, id_of(source, kNoKey, kNo));
  STUDIO_TRY(head.yes_, row_of(*words, yes, width));
  STUDIO_TRY(head.no_, row_of(*words, no, width));
  return head;
}

float WordHead::score(std::span<const float> x) const {
  return static_cast<float>(dot(x, yes_) - (no_.empty() ? 0 : dot(x, no_)));
}

}  // namespace studio::engine
