// The functions of a request as its answer is held to them, in the form in which the model writes calls.
#pragma once

#include <string>

#include "base/result.h"
#include "inference/tools.h"

namespace studio::api {

// Makes of `set` what whoever computes the answer can hold its calls to. A function that is not strict promises no more
// than an object: where calls cannot be held to its schema, its properties have the types that they have, and nothing
// else is asked of them; where not even that can be, it takes any object. So do all that are not strict where the
// functions are too much together. `answer`: as tools_spec has it. Errors name the field of a strict function and the
// keyword in it; of all together, `field`.
Status hold_tools(inference::ToolSet& set, inference::ToolFormat format, const std::string& answer,
                  const std::string& field);

}  // namespace studio::api
