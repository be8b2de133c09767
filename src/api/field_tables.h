// Every endpoint that reads a body, with its tables of fields: docs/reference/fields.md and tests/promises are made of
// it.
#pragma once

#include <boost/json/value.hpp>
#include <vector>

#include "api/serving/field_tables.h"

namespace studio::api {

std::vector<EndpointFields> all_field_tables();

// [{"dialect","endpoint","objects":[{"path","variant","role","fields":[{"name","use",...}]}]}]. `use` is "honoured",
// "ignored" or "refused"; beside it stand "values" (the only ones taken, or of a refused field those that ask for
// nothing), "kind" (of an ignored one) and "reason".
boost::json::value field_tables_json();

}  // namespace studio::api
