// Reads a JSON object field by field and says exactly which field is wrong.
//
//   ObjectReader model(value, "models[3]");
//   std::string name = model.text("name");           // required
//   int64_t bytes = model.number("bytes", 0);        // with a default
//   STUDIO_CHECK_OK(model.finish());                 // first fault, or a field nobody asked for
//
// Faults are kept, not returned one by one: the first is reported by finish(), as "models[3].name: expected a text".
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace studio::catalogue {

class ObjectReader {
 public:
  ObjectReader(const boost::json::value& value, std::string place);

  bool has(std::string_view key) const;
  std::string text(std::string_view key);
  std::string text(std::string_view key, std::string fallback);
  int64_t number(std::string_view key, int64_t fallback);  // >= 0
  std::vector<std::string> texts(std::string_view key);    // absent: none
  // Each item of the array (absent: none), with its place; the first error stops.
  void each(std::string_view key, const std::function<Status(const boost::json::value&, std::string place)>& read);
  // Each member of the object (absent: none).
  void each_member(
      std::string_view key,
      const std::function<Status(std::string_view name, const boost::json::value&, std::string place)>& read);

  void fail(std::string_view key, const std::string& reason);  // a rule of the caller's is broken
  Status finish();

 private:
  const boost::json::value* find(std::string_view key);
  std::string place_of(std::string_view key) const;

  const boost::json::object* object_ = nullptr;
  std::string place_;
  std::vector<std::string> known_;
  std::optional<Error> fault_;
};

}  // namespace studio::catalogue
