// What a tokenizer.json puts around one text and between two: its post_processor, which is a TemplateProcessing or a
// BertProcessing, or a Sequence with one of them beside what moves offsets alone.
// Errors: corrupt_data and unimplemented, naming the field.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

struct HfAround {
  std::vector<int32_t> before, after;  // ids around a single text: [CLS], [SEP]
  // Between the two of a pair, around which stands what stands around one text. Missing: pairs are not for this model.
  std::optional<std::vector<int32_t>> between;

  // `root` is the file's object, `tokens` one more than the largest id it may name.
  static Result<HfAround> read(const boost::json::object& root, size_t tokens);
  // Of a file's text; the same where it was not parsed yet.
  static Result<HfAround> parse(std::string_view json, size_t tokens);
};

}  // namespace studio::engine
