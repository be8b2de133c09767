#include "api/serving/logprobs.h"

#include <boost/json/object.hpp>

#include "engine/tokenizer/stream_decoder.h"

namespace studio::api {
namespace {

namespace json = boost::json;

json::array bytes_of(const std::string& bytes) {
  json::array array;
  array.reserve(bytes.size());
  for (char byte : bytes) array.emplace_back(static_cast<int64_t>(static_cast<unsigned char>(byte)));
  return array;
}

json::object object_of(const std::string& bytes, float logprob) {
  return json::object{{"token", token_text(bytes)}, {"bytes", bytes_of(bytes)}, {"logprob", logprob}};
}

}  // namespace

std::string token_text(const std::string& bytes) {
  engine::StreamDecoder decoder;
  return decoder.push(bytes) + decoder.flush();
}

json::array token_logprobs(const std::vector<inference::TokenLogprob>& logprobs) {
  json::array tokens;
  for (const auto& token : logprobs) {
    json::array top;
    for (const auto& other : token.top) top.push_back(object_of(other.bytes, other.logprob));
    json::object object = object_of(token.bytes, token.logprob);
    object["top_logprobs"] = std::move(top);
    tokens.push_back(std::move(object));
  }
  return tokens;
}

}  // namespace studio::api
