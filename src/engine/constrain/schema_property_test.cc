// The schemas of tests/data/schemas.jsonl: what they name as valid is allowed, what they name as invalid is not, and
// every text that is drawn from what is allowed is JSON that a second validator takes.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "base/file.h"
#include "base/json.h"
#include "engine/constrain/constrain_for_test.h"
#include "engine/constrain/schema_oracle_for_test.h"

namespace studio::engine::constrain {
namespace {

#ifdef STUDIO_SANITIZED
constexpr int kDraws = 2;
#else
constexpr int kDraws = 20;
#endif

std::vector<boost::json::object> schemas() {
  auto text = read_file(STUDIO_SOURCE_DIR "/tests/data/schemas.jsonl", 1u << 20);
  std::vector<boost::json::object> all;
  for (std::string_view rest = text.ok() ? *text : std::string_view(); !rest.empty();) {
    const size_t end = rest.find('\n');
    all.push_back(parse_json(rest.substr(0, end)).value().get_object());
    rest.remove_prefix(end + 1);
  }
  return all;
}

TEST(SchemaFile, HoldsSchemasOfEveryFamily) {
  EXPECT_GE(schemas().size(), 400u);
}

TEST(SchemaFile, SaysWhatIsValidInvalidAndRefused) {
  for (const auto& entry : schemas()) {
    const std::string name(entry.at("name").get_string());
    SCOPED_TRACE(name);
    const auto made = Constraint::from_schema(entry.at("schema"));
    if (const auto* refused = entry.if_contains("refused")) {
      ASSERT_FALSE(made.ok());
      EXPECT_EQ(made.error().param(), std::string_view(refused->get_string()));
      continue;
    }
    ASSERT_TRUE(made.ok()) << made.error().message();
    const Matcher start = start_of(made);
    for (const auto& value : entry.at("valid").get_array())
      EXPECT_TRUE(accepts(start, to_json(value))) << to_json(value);
    for (const auto& value : entry.at("invalid").get_array())
      EXPECT_FALSE(accepts(start, to_json(value))) << to_json(value);
  }
}

TEST(SchemaFile, DrawnTextsAreValid) {
  std::mt19937 random(7);
  size_t drawn = 0;
  for (const auto& entry : schemas()) {
    if (entry.contains("refused")) continue;
    SCOPED_TRACE(std::string(entry.at("name").get_string()));
    const Matcher start = start_of(Constraint::from_schema(entry.at("schema")));
    const SchemaOracle oracle(entry.at("schema"));
    for (int i = 0; i < kDraws; ++i) {
      const auto text = draw(start, random, 5 + random() % 60);
      ASSERT_TRUE(text.has_value());
      const auto value = boost::json::parse(*text);
      EXPECT_TRUE(oracle.is_valid(value)) << *text;
      ++drawn;
    }
  }
  EXPECT_GT(drawn, 390u * kDraws);
}

}  // namespace
}  // namespace studio::engine::constrain
