#include "engine/formats/tokenizer_json.h"

#include <boost/json.hpp>

#include "base/json.h"
#include "engine/formats/json_at.h"

namespace studio::engine::tokenizer_json {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 16;  // real files nest six deep

}  // namespace

Error bad(const std::string& text) {
  return Error(Code::kCorruptData, "tokenizer.json: " + text);
}

Error unsupported(const std::string& text) {
  return Error(Code::kUnimplemented, "tokenizer.json: " + text);
}

Result<Document> Document::parse(std::string_view text) {
  auto document = parse_json(text, {.depth = kMaxDepth, .bytes = kMaxTokenizerJsonBytes});
  if (!document.ok()) return bad("it is no JSON we accept: " + document.error().message());
  const json::object* root = document->if_object();
  if (root == nullptr || object_at(*root, "model") == nullptr) return bad("there is no model");
  return Document(std::move(*document));
}

std::string_view Document::type() const {
  return string_at(model(), "type");
}

const json::array& added_tokens(const json::object& root) {
  static const json::array none;
  const json::value* added = root.if_contains("added_tokens");
  return added != nullptr && added->is_array() ? added->get_array() : none;
}

Result<int64_t> added_id(const json::value& token, int64_t limit) {
  const json::object* fields = token.if_object();
  const json::value* id = fields != nullptr ? fields->if_contains("id") : nullptr;
  if (id == nullptr || !id->is_int64() || id->get_int64() < 0 || id->get_int64() >= limit) {
    return bad("an added token has no id, or one out of range");
  }
  return id->get_int64();
}

}  // namespace studio::engine::tokenizer_json
