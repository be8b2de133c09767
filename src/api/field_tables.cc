#include "api/field_tables.h"

#include <boost/json.hpp>

#include "api/anthropic/parse.h"
#include "api/dashscope/parse.h"
#include "api/ollama/parse.h"
#include "api/openai/batch_wire.h"
#include "api/openai/file_routes.h"
#include "api/openai/parse.h"
#include "api/responses/parse.h"
#include "base/json.h"

namespace studio::api {
namespace {

namespace json = boost::json;

const char* name_of(FieldUse use) {
  switch (use) {
    case FieldUse::kHonoured:
      return "honoured";
    case FieldUse::kNoEffect:
      return "ignored";
    case FieldUse::kNotBuilt:
      break;
  }
  return "refused";
}

// JSON texts separated by spaces; none of them has a space inside.
json::array values_of(std::string_view texts) {
  json::array values;
  while (!texts.empty()) {
    const size_t end = std::min(texts.find(' '), texts.size());
    if (auto value = parse_json(texts.substr(0, end)); value.ok()) values.push_back(std::move(*value));
    texts.remove_prefix(std::min(end + 1, texts.size()));
  }
  return values;
}

json::object to_object(const FieldRule& rule) {
  json::object field{{"name", rule.name}, {"use", name_of(rule.use)}};
  if (rule.use == FieldUse::kNoEffect) {
    if (!rule.values.empty()) field["kind"] = rule.values;
  } else if (!rule.values.empty()) {
    field["values"] = values_of(rule.values);
  }
  if (!rule.reason.empty()) field["reason"] = rule.reason;
  return field;
}

json::object to_object(const FieldTable& table) {
  json::array fields;
  for (const FieldRule& rule : table.rules) fields.push_back(to_object(rule));
  return {{"path", table.path}, {"variant", table.variant}, {"role", table.role}, {"fields", std::move(fields)}};
}

}  // namespace

std::vector<EndpointFields> all_field_tables() {
  std::vector<EndpointFields> all = {openai::chat_fields(), openai::completion_fields(), openai::tokenize_fields(),
                                     openai::batch_fields(), openai::file_fields()};
  for (auto tables :
       {openai::encoder_fields(), responses::field_tables(), dashscope::field_tables(), dashscope::encoder_fields(),
        anthropic::field_tables(), ollama::field_tables(), ollama::encoder_fields()}) {
    all.insert(all.end(), tables.begin(), tables.end());
  }
  return all;
}

json::value field_tables_json() {
  json::array endpoints;
  for (const EndpointFields& endpoint : all_field_tables()) {
    json::array objects;
    for (const FieldTable& table : endpoint.tables) objects.push_back(to_object(table));
    endpoints.push_back(
        json::object{{"dialect", endpoint.dialect}, {"endpoint", endpoint.endpoint}, {"objects", std::move(objects)}});
  }
  return endpoints;
}

}  // namespace studio::api
