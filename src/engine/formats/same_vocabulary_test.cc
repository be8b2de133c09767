#include "engine/formats/same_vocabulary.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/formats/gguf.h"
#include "engine/formats/gguf_writer.h"

namespace studio::engine {
namespace {

std::vector<uint8_t> file_of(const std::vector<std::string>& tokens) {
  GgufWriter writer;
  if (!tokens.empty()) writer.add_string_array("tokenizer.ggml.tokens", tokens);
  return writer.finish().value();
}

Status compare(const std::vector<std::string>& model, const std::vector<std::string>& draft) {
  const std::vector<uint8_t> large = file_of(model), small = file_of(draft);
  return check_same_vocabulary(GgufFile::parse(large).value(), GgufFile::parse(small).value());
}

TEST(SameVocabulary, RowsThatNoTokenHasDoNotCount) {
  EXPECT_TRUE(compare({"a", "b"}, {"a", "b"}).ok());
  EXPECT_TRUE(compare({"a", "b", "[PAD2]", "[PAD3]"}, {"a", "b"}).ok());
  EXPECT_TRUE(compare({"a", "b"}, {"a", "b", "[PAD2]"}).ok());
}

TEST(SameVocabulary, TellsTheFirstTokenThatDiffers) {
  for (const std::vector<std::string>& draft :
       {std::vector<std::string>{"a", "c", "[PAD2]"}, {"a"}, {"a", "b", "c"}, {"a", "[PAD1]"}, {"b", "a"}}) {
    const Status status = compare({"a", "b", "[PAD2]"}, draft);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), Code::kInvalidArgument);
    const std::string first = draft[0] == "b" ? "0" : draft.size() == 3 && draft[1] == "b" ? "2" : "1";
    EXPECT_NE(status.error().message().find("the first other one is " + first), std::string::npos)
        << status.error().message();
  }
}

TEST(SameVocabulary, AModelWithoutOneIsCorrupt) {
  const Status status = compare({"a"}, {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::kCorruptData);
}

}  // namespace
}  // namespace studio::engine
