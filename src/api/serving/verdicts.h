// Whether constraints can be compiled, remembered: programs send the same tools and schemas with every request.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace studio::api {

// {"kind": value}, as engine/constrain/spec.h has it.
std::string spec_of(std::string_view kind, boost::json::value value);

struct Verdict {
  Status status;
  size_t work = 0;  // of engine/constrain/spec.h; the same where it was remembered
};
// What whoever computes the answer will say of the spec, behind reasoning or without. Threads: any.
Verdict verdict_of(const std::string& spec);

// "response_format.json_schema.schema#/properties/a: ..." names both the field and the keyword in it.
Error at_field(const std::string& field, const Error& error);

}  // namespace studio::api
