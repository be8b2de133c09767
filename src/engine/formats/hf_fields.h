// One JSON object of a model folder, read field by field: each fault names its file and field. Shared by the readers of
// config.json, generation_config.json and tokenizer_config.json, whose files hold far more than what is asked for here.
// A field that is null counts as absent, as the reference library has it.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::engine {

class HfFields {
 public:
  // The text of `file`, which must be an object. `depth` and `bytes` bound it (base/json.h).
  static Result<HfFields> parse(std::string file, std::string_view text, size_t bytes);

  const boost::json::value* find(std::string_view key) const;  // nullptr: absent or null
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const boost::json::object& all() const { return fields_; }  // in the order of the file

  Result<std::optional<int64_t>> whole(std::string_view key, int64_t low, int64_t high) const;
  Result<int> whole_or(std::string_view key, int low, int high, int otherwise) const;
  Result<int> need_whole(std::string_view key, int low, int high) const;
  Result<double> number_or(std::string_view key, double low, double high, double otherwise) const;
  Result<bool> flag_or(std::string_view key, bool otherwise) const;
  Result<std::optional<std::string>> text(std::string_view key) const;
  Result<std::optional<HfFields>> object(std::string_view key) const;
  // One id or a list of ids, as Hugging Face writes eos_token_id; absent: none.
  Result<std::vector<int32_t>> ids(std::string_view key) const;

  Error wrong(std::string_view key, const std::string& what) const;        // corrupt_data
  Error unsupported(std::string_view key, const std::string& what) const;  // unimplemented

 private:
  HfFields(std::string place, boost::json::object fields) : place_(std::move(place)), fields_(std::move(fields)) {}
  std::string name_of(std::string_view key) const;

  std::string place_;  // "config.json: " or "config.json: rope_scaling."
  boost::json::object fields_;
};

}  // namespace studio::engine
