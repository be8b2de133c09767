// Members of a foreign JSON object that may be missing or of another kind: nothing then. Where each fault is to be
// named, hf_fields.h.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

namespace studio::engine {

const boost::json::object* object_at(const boost::json::object& object, std::string_view key);  // or nullptr
std::string_view string_at(const boost::json::object& object, std::string_view key);            // or ""

}  // namespace studio::engine
