// The tables of fields as data: what `studio fields` prints, docs/reference/fields.md is made of and tests/promises
// holds the server to. A dialect tells its own from the very rules that it reads requests by.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/serving/fields.h"

namespace studio::api {

// Of one object of a request.
struct FieldTable {
  std::string path;     // "" for the body, "stream_options", "messages[].content[]"
  std::string variant;  // the `type` that this table is of, where objects at one place differ by it
  std::span<const FieldRule> rules;
  std::string role = {};  // of messages of this role alone; empty: of any
};

struct EndpointFields {
  std::string dialect;   // "openai"
  std::string endpoint;  // "POST /v1/chat/completions"
  std::vector<FieldTable> tables;
};

}  // namespace studio::api
