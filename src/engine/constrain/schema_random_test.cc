// Schemas made by chance, of all keywords that are honoured, with what makes opposites of them (not, oneOf, if) above
// all: whatever is accepted or drawn satisfies the schema in the eyes of a second validator, and what an error points
// at is there.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <random>

#include "base/json.h"
#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/schema_oracle_for_test.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

#ifdef STUDIO_SANITIZED
constexpr int kSchemas = 200;
#else
constexpr int kSchemas = 6000;
#endif
constexpr int kDraws = 3;
constexpr int kDepth = 3;

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  json::object root() {
    names_ = {};
    json::object last = schema(1);
    names_ = {"#/$defs/y~1z"};
    json::object middle = schema(2);
    names_ = {"#/$defs/y~1z", "#/$defs/x"};
    json::object made = schema(kDepth);
    made["$defs"] = json::object{{"x", std::move(middle)}, {"y/z", std::move(last)}};
    return made;
  }

  json::value value(int depth = 2) {
    static const json::array kPlain = parse(R"([null, true, false, 0, 1, 2, 3, -1, 1.5, "", "a", "ab", "abc", "b"])");
    if (depth == 0 || below(3) != 0) return kPlain[below(kPlain.size())];
    if (below(2) == 0) {
      json::array made;
      for (size_t i = below(4); i > 0; --i) made.push_back(value(depth - 1));
      return made;
    }
    json::object made;
    for (size_t i = below(4); i > 0; --i) made[name()] = value(depth - 1);
    return made;
  }

  std::mt19937& random() { return random_; }

 private:
  static json::array parse(std::string_view text) { return json::parse(text).get_array(); }
  size_t below(size_t n) { return random_() % n; }
  std::string name() { return std::string(1, static_cast<char>('a' + below(3))); }
  json::array listed(size_t least, size_t most, auto&& make) {
    json::array made;
    for (size_t i = least + below(most - least + 1); i > 0; --i) made.push_back(make());
    return made;
  }
  json::object named(auto&& make) {
    json::object made;
    for (size_t i = 1 + below(2); i > 0; --i) made[name()] = make();
    return made;
  }

  json::value inner(int depth) {
    if (below(12) == 0) return below(3) != 0;
    return schema(depth);
  }

  json::object schema(int depth) {
    json::object made;
    for (size_t i = 1 + below(3); i > 0; --i) add_keyword(made, depth);
    return made;
  }

  void add_keyword(json::object& made, int depth) {
    switch (below(depth > 0 ? 5 : 3)) {
      case 0:
        return add_listed(made);
      case 1:
        return add_amount(made);
      case 2:
        return below(2) == 0 ? add_names(made) : add_listed(made);
      case 3:
        return add_choice(made, depth - 1);
      default:
        return add_parts(made, depth - 1);
    }
  }

  void add_listed(json::object& made) {
    static const json::array kTypes = parse(R"(["null","boolean","integer","number","string","array","object"])");
    static const json::array kPatterns = parse(R"(["^a", "b$", "^[ab]+$", "c"])");
    const auto type = [&] { return kTypes[below(kTypes.size())]; };
    switch (below(5)) {
      case 0:
        made["enum"] = listed(1, 4, [&] { return value(); });
        return;
      case 1:
        made["const"] = value();
        return;
      case 2:
        made["pattern"] = kPatterns[below(kPatterns.size())];
        return;
      default:
        if (below(3) != 0) {
          made["type"] = type();
        } else {
          made["type"] = listed(1, 3, type);
        }
    }
  }

  void add_amount(json::object& made) {
    static const json::array kCounts = parse(
        R"(["minLength","maxLength","minItems","maxItems","minProperties","maxProperties","minContains","maxContains"])");
    static const json::array kBounds = parse(R"(["minimum","maximum","exclusiveMinimum","exclusiveMaximum"])");
    static const json::array kNumbers = parse("[-1, 0, 1, 1.5, 2]");
    if (below(2) == 0) {
      made[kCounts[below(kCounts.size())].get_string()] = below(4);
    } else if (below(5) == 0) {
      made["multipleOf"] = below(2) == 0 ? 2 : 0.5;
    } else {
      made[kBounds[below(kBounds.size())].get_string()] = kNumbers[below(kNumbers.size())];
    }
  }

  void add_names(json::object& made) {
    const auto one = [&] { return json::value(name()); };
    if (below(4) == 0) {
      made["dependentRequired"] = named([&] { return listed(1, 1, one); });
    } else if (below(4) == 0) {
      made["uniqueItems"] = true;
    } else if (below(6) == 0) {
      made["nullable"] = true;
    } else {
      made["required"] = listed(1, 2, one);
    }
  }

  void add_choice(json::object& made, int depth) {
    const auto make = [&] { return inner(depth); };
    switch (below(7)) {
      case 0:
        made["anyOf"] = listed(1, 3, make);
        return;
      case 1:
        made["allOf"] = listed(1, 3, make);
        return;
      case 2:
        made["oneOf"] = listed(1, 3, make);
        return;
      case 3:
        made["if"] = make();
        made[below(2) == 0 ? "then" : "else"] = make();
        return;
      case 4:
        if (!names_.empty()) made["$ref"] = names_[below(names_.size())];
        return;
      default:
        made["not"] = make();
    }
  }

  void add_parts(json::object& made, int depth) {
    const auto make = [&] { return inner(depth); };
    switch (below(8)) {
      case 0:
        made["items"] = make();
        return;
      case 1:
        made["prefixItems"] = listed(1, 2, make);
        return;
      case 2:
        made["contains"] = make();
        return;
      case 3:
        made["additionalProperties"] = make();
        return;
      case 4:
        made["patternProperties"] = json::object{{below(2) == 0 ? "^a" : "b$", make()}};
        return;
      case 5:
        made["dependentSchemas"] = named(make);
        return;
      case 6:
        made["propertyNames"] = make();
        return;
      default:
        made["properties"] = named(make);
    }
  }

  std::mt19937 random_;
  std::vector<std::string_view> names_;  // what may be referred to: no circles, which the other validator follows
};

// No percent signs: the pointers of errors are those of JSON.
bool is_there(const json::value& schema, std::string_view pointer) {
  boost::system::error_code error;
  return pointer.starts_with("#") && schema.find_pointer(pointer.substr(1), error) != nullptr;
}

TEST(RandomSchemas, WhatIsAcceptedOrDrawnIsValid) {
  Maker maker(20);
  int compiled = 0;
  for (int i = 0; i < kSchemas; ++i) {
    const json::value schema = maker.root();
    SCOPED_TRACE(to_json(schema));
    const auto made = Constraint::from_schema(schema);
    if (!made.ok()) {
      EXPECT_TRUE(is_there(schema, made.error().param())) << made.error().message();
      continue;
    }
    ++compiled;
    const Matcher start = start_of(made);
    const SchemaOracle oracle(schema);
    for (int j = 0; j < 30; ++j) {
      const json::value value = maker.value();
      if (accepts(start, to_json(value))) EXPECT_TRUE(oracle.is_valid(value)) << to_json(value);
    }
    for (int j = 0; j < kDraws; ++j) {
      const auto text = draw(start, maker.random(), 5 + maker.random()() % 20);
      if (text) EXPECT_TRUE(oracle.is_valid(json::parse(*text))) << *text;
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(compiled, kSchemas / 2);
}

}  // namespace
}  // namespace studio::engine::constrain
