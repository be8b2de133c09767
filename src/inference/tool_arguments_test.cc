// Calls in the coder's form, drawn from what their schemas allow and read again: the arguments are valid by a second
// validator, in whatever pieces the text comes.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <random>

#include "base/file.h"
#include "base/json.h"
#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/schema_oracle_for_test.h"
#include "engine/constrain/spec.h"
#include "inference/tool_call_text.h"

namespace studio::inference {
namespace {

namespace json = boost::json;
using namespace engine::constrain;

#ifdef STUDIO_SANITIZED
constexpr int kSchemas = 30, kDraws = 2;
#else
constexpr int kSchemas = 300, kDraws = 8;
#endif

std::shared_ptr<const ToolSet> set_of(const json::value& schema) {
  auto set = std::make_shared<ToolSet>();
  set->choice.mode = ToolChoice::Mode::kRequired;
  set->tools.push_back({.name = "f", .function = {}, .parameters = schema});
  return set;
}

Constraint::Made calls_of(const json::value& schema) {
  return compile_spec(tools_spec(*set_of(schema), ToolFormat::kCoder, {}));
}

// What is said of the only call. `seed` 0: in one piece.
std::string read(std::string_view text, const std::shared_ptr<const ToolSet>& set, uint32_t seed) {
  ToolCallText reader(set, ToolFormat::kCoder, "answer#0");
  std::mt19937 random(seed);
  std::string arguments;
  while (true) {
    const size_t length = seed == 0 ? text.size() : std::min<size_t>(text.size(), 1 + random() % (1 + seed % 20));
    ChoiceDelta delta;
    delta.text = text.substr(0, length);
    text.remove_prefix(length);
    reader.push(delta, text.empty());
    EXPECT_EQ(delta.text, "");
    for (const ToolCallDelta& call : delta.tool_calls) arguments += call.arguments;
    if (text.empty()) break;
  }
  EXPECT_EQ(reader.calls(), 1);
  return arguments;
}

// As engine::constrain::draw, with what strings and tags are easily mistaken for.
std::optional<std::string> draw_call(const Matcher& start, std::mt19937& random, size_t length) {
  static constexpr std::string_view kClose = "\n</parameter>\n";
  static constexpr std::string_view kPieces[] = {
      "\n", "\n\n", "</parameter", "\n</parameter>", "<", "null", "true", "0", "a<", "-1.5", "1e5", "{", "[", "\"", "é",
      "中", " "};
  Matcher matcher = start;
  std::string text;
  const auto take = [&](std::string_view piece) {
    Matcher next = matcher;
    if (!next.accept_text(piece)) return false;
    matcher = std::move(next);
    text += piece;
    return true;
  };
  while (text.size() < 40 * length + 4000) {
    const std::vector<uint8_t> allowed = bytes_allowed(matcher);
    if (allowed.empty()) {
      EXPECT_TRUE(matcher.may_end()) << text;
      return text;
    }
    const bool closes = text.size() >= length || random() % 4 == 0;
    const std::string_view line = std::string_view(text).substr(text.rfind('\n') + 1);
    if (closes && (take(kClose) || (line.empty() && take("</function>")))) continue;
    if (closes && line.starts_with("<parameter=") && (take(">\n") || take("y>\n"))) continue;
    if (random() % 3 == 0 && take(kPieces[random() % std::size(kPieces)])) continue;
    uint8_t byte = allowed[random() % allowed.size()];
    for (const char c : std::string_view("\"}],:")) {
      if (!closes || std::ranges::find(allowed, static_cast<uint8_t>(c)) == allowed.end()) continue;
      byte = static_cast<uint8_t>(c);
      break;
    }
    const char c = static_cast<char>(byte);
    take({&c, 1});
  }
  ADD_FAILURE() << text.substr(0, 2000);
  return std::nullopt;
}

// Whether `draws` calls could be drawn, each valid and the same in pieces.
void expect_valid_calls(const json::value& schema, std::mt19937& random, int draws) {
  SCOPED_TRACE(to_json(schema));
  const auto made = calls_of(schema);
  ASSERT_TRUE(made.ok()) << made.error().message();
  const Matcher start = start_of(made);
  const auto set = set_of(schema);
  const SchemaOracle oracle(schema);
  for (int i = 0; i < draws; ++i) {
    const auto text = draw_call(start, random, 20 + random() % 150);
    ASSERT_TRUE(text.has_value());
    const std::string arguments = read(*text, set, 0);
    std::error_code error;
    const json::value value = json::parse(arguments, error);
    ASSERT_FALSE(error) << *text << "\n" << arguments;
    EXPECT_TRUE(value.is_object() && oracle.is_valid(value)) << *text << "\n" << arguments;
    for (uint32_t seed = 1; seed < 4; ++seed) EXPECT_EQ(read(*text, set, seed * 7), arguments) << *text;
  }
}

class Schemas {
 public:
  explicit Schemas(uint32_t seed) : random_(seed) {}

  json::value next() {
    json::object root = parameters();
    root["$defs"] = json::object{{"T", json::parse(R"({"type":"string","minLength":2,"maxLength":9})")},
                                 {"N", json::parse(R"({"type":["integer","null"],"minimum":-3})")}};
    return root;
  }

 private:
  size_t below(size_t count) { return random_() % count; }
  json::value one_of(std::initializer_list<const char*> texts) {
    return json::parse(*(texts.begin() + below(texts.size())));
  }

  json::value value() {
    return one_of({
        R"({"type":"string"})",
        R"({"type":"string","pattern":"^[0-9]+$"})",
        R"({"type":"string","pattern":"a<|^$"})",
        R"({"type":"string","minLength":1})",
        R"({"type":"string","minLength":3,"maxLength":5})",
        R"({"type":"string","maxLength":900})",
        R"({"type":"string","minLength":40,"maxLength":60})",
        R"({"type":"string","minLength":33})",
        R"({"type":["string","null","number","array"],"minLength":2,"maxLength":50})",
        R"({"const":"yes"})",
        R"({"type":"string","not":{"const":"x"}})",
        R"({"enum":["a","</parameter>","1\n","\n",""]})",
        R"({"enum":["1",1,null,"null",true,"x",[1],{"a":"b"}]})",
        R"({"type":["string","null"]})",
        R"({"type":["string","null"],"maxLength":4})",
        R"({"type":["string","integer"]})",
        R"({"type":["string","integer"],"pattern":"^[0-9a]+$","maximum":5})",
        R"({"anyOf":[{"type":"string","minLength":2},{"type":"boolean"},{"type":"array","items":{"type":"string"}}]})",
        R"({"oneOf":[{"type":"string","pattern":"^[a-c]+$"},{"type":"string","maxLength":2}]})",
        R"({"allOf":[{"$ref":"#/$defs/T"},{"pattern":"^[a-f\n]*$"}]})",
        R"({"$ref":"#/$defs/N"})",
        R"({"type":"integer","minimum":0,"maximum":12})",
        R"({"type":"number"})",
        R"({"type":"boolean"})",
        R"({"type":"array","items":{"$ref":"#/$defs/T"},"maxItems":2})",
        R"({"type":"object","properties":{"k":{"type":"string"}},"required":["k"],"additionalProperties":false})",
        R"({})",
    });
  }

  json::object properties(std::initializer_list<const char*> names) {
    json::object made;
    for (const char* name : names) {
      if (below(3) != 0) made[name] = value();
    }
    return made;
  }

  json::object parameters() {
    json::object root{{"type", "object"}, {"properties", properties({"a", "b", "c", "d"})}};
    json::array required;
    for (const char* name : {"a", "b", "e"}) {
      if (below(4) == 0) required.push_back(name);
    }
    const size_t least = required.size();
    if (below(2) == 0) root["required"] = std::move(required);
    const size_t others = below(4);
    if (others == 0) root["additionalProperties"] = value();
    if (others == 1 && least == 0) root["additionalProperties"] = false;
    switch (below(10)) {
      case 0:
        root["minProperties"] = 1;
        break;
      case 1:
        root["maxProperties"] = least + 1;
        break;
      case 2:
        root["patternProperties"] = json::object{{"^x", value()}, {"y$", value()}};
        break;
      case 3:
        root["anyOf"] = json::array{json::object{{"properties", properties({"a", "f"})}},
                                    json::object{{"properties", properties({"b", "g"})}}};
        break;
      case 4:
        root["propertyNames"] = json::object{{"maxLength", 3}};
        break;
      case 5:
        root["dependentRequired"] = json::object{{"a", json::array{"c"}}};
        break;
      case 6:
        root = json::object{{"allOf", json::array{root, json::object{{"required", json::array{"a"}}}}},
                            {"type", "object"}};
        break;
      default:
        break;
    }
    return root;
  }

  std::mt19937 random_;
};

TEST(ToolArguments, DrawnCallsAreValid) {
  Schemas schemas(11);
  std::mt19937 random(7);
  int drawn = 0, refused = 0;
  for (int i = 0; i < kSchemas; ++i) {
    const json::value schema = schemas.next();
    if (!calls_of(schema).ok()) {
      ++refused;
      continue;
    }
    expect_valid_calls(schema, random, kDraws);
    ++drawn;
  }
  EXPECT_GT(drawn, kSchemas * 7 / 10) << refused << " refused";
}

// The schemas of the other tests that allow an object, as arguments.
TEST(ToolArguments, DrawnCallsOfTheSchemasOfOthersAreValid) {
  auto text = read_file(STUDIO_SOURCE_DIR "/tests/data/schemas.jsonl", 1u << 20);
  ASSERT_TRUE(text.ok());
  std::mt19937 random(7);
  size_t drawn = 0, refused = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = rest.find('\n');
    const json::value entry = parse_json(rest.substr(0, end)).value();
    rest.remove_prefix(end + 1);
    const json::value& schema = entry.get_object().at("schema");
    if (entry.get_object().contains("refused") || !schema.is_object()) continue;
    if (!calls_of(schema).ok()) {
      ++refused;
      continue;
    }
    expect_valid_calls(schema, random, 2);
    ++drawn;
  }
  EXPECT_GT(drawn, 150u) << refused << " refused";
}

}  // namespace
}  // namespace studio::inference
