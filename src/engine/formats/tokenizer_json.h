// What every reader of a tokenizer.json begins with: the document within its limits, its model, its added tokens, and
// how its faults are worded. Errors: corrupt_data.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace studio::engine {

inline constexpr size_t kMaxTokenizerJsonBytes = 64u << 20;  // real ones are 2 to 33 MB

namespace tokenizer_json {

inline constexpr int64_t kMaxTokens = 4 << 20;  // as for a GGUF file's arrays
inline constexpr int64_t kMaxHoles = 65'536;    // ids without a token: padding to a round size is under 1,000
inline constexpr size_t kMaxTokenBytes = 1024;  // of WordPiece and unigram; the longest of real ones are under 100

Error bad(const std::string& text);          // corrupt_data
Error unsupported(const std::string& text);  // unimplemented

class Document {
 public:
  static Result<Document> parse(std::string_view text);

  const boost::json::object& root() const { return value_.get_object(); }
  const boost::json::object& model() const { return root().at("model").get_object(); }
  std::string_view type() const;  // of the model: "BPE"; empty where none is named

 private:
  explicit Document(boost::json::value value) : value_(std::move(value)) {}

  boost::json::value value_;  // an object with an object "model"
};

// Empty where the file has none.
const boost::json::array& added_tokens(const boost::json::object& root);
// Of one of them, which is then an object; under `limit`.
Result<int64_t> added_id(const boost::json::value& token, int64_t limit);

}  // namespace tokenizer_json
}  // namespace studio::engine
