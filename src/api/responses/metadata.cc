#include "api/responses/metadata.h"

#include <algorithm>
#include <boost/json.hpp>

namespace studio::api::responses {
namespace {

namespace json = boost::json;

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

json::object read_metadata(FieldReader& reader) {
  const json::object* metadata = reader.object("metadata");
  if (!metadata) return {};
  if (metadata->size() > kMaxPairs) {
    reader.fail("metadata",
                "may hold " + std::to_string(kMaxPairs) + " pairs; it holds " + std::to_string(metadata->size()));
    return {};
  }
  for (const auto& pair : *metadata) {
    const std::string place = "metadata." + excerpt(pair.key());
    if (characters(pair.key()) > kMaxKeyCharacters) {
      reader.fail(place, "must have a name of at most " + std::to_string(kMaxKeyCharacters) + " characters");
    } else if (!pair.value().is_string()) {
      reader.fail(place, "must be a text; it is " + std::string(json_kind(pair.value())));
    } else if (characters(pair.value().get_string()) > kMaxValueCharacters) {
      reader.fail(place, "must have at most " + std::to_string(kMaxValueCharacters) + " characters");
    }
  }
  return reader.ok() ? *metadata : json::object();
}

}  // namespace studio::api::responses
