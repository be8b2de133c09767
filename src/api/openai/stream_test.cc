#include "api/openai/stream.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/json.h"

namespace studio::api::openai {
namespace {

boost::json::object parsed(const std::string& text) {
  return parse_json(text).value().get_object();
}

AnswerHead head(Endpoint endpoint) {
  return {.endpoint = endpoint, .id = "id", .created = 5, .model = "m", .include_usage = true, .has_logprobs = true};
}

inference::TokenLogprob token(const std::string& bytes) {
  return {
      .bytes = bytes, .logprob = -0.5f, .top = {{.bytes = "\xE6", .logprob = -1}, {.bytes = "\xB0", .logprob = -2}}};
}

TEST(ChunkWriter, OpensAChoiceWithItsRole) {
  ChunkWriter plain(head(Endpoint::kChat), 1, false);
  auto delta = parsed(plain.opening(0)).at("choices").at(0).at("delta");
  EXPECT_EQ(to_json(delta), R"({"role":"assistant","content":""})");
  ChunkWriter thinking(head(Endpoint::kChat), 1, true);
  EXPECT_TRUE(parsed(thinking.opening(0)).at("choices").at(0).at("delta").at("content").is_null());
  ChunkWriter completion(head(Endpoint::kCompletion), 1, false);
  EXPECT_EQ(completion.opening(0), "");
}

TEST(ChunkWriter, ReasoningAndAnswerAreChunksOfTheirOwn) {
  ChunkWriter writer(head(Endpoint::kChat), 2, true);
  auto chunks = writer.pieces({.choice = 1, .reasoning = "hm", .text = "yes", .logprobs = {token("yes")}});
  ASSERT_EQ(chunks.size(), 2u);
  auto first = parsed(chunks[0]).at("choices").at(0), second = parsed(chunks[1]).at("choices").at(0);
  EXPECT_EQ(first.at("index"), 1);
  EXPECT_EQ(first.at("delta").at("reasoning_content"), "hm");
  EXPECT_TRUE(first.at("delta").at("content").is_null());
  EXPECT_EQ(second.at("delta").at("content"), "yes");
  EXPECT_EQ(second.at("logprobs").at("content").get_array().size(), 1u);
  EXPECT_TRUE(parsed(chunks[0]).at("usage").is_null());
}

TEST(ChunkWriter, HalfACharacterShowsItsBytes) {
  ChunkWriter writer(head(Endpoint::kChat), 1, false);
  auto entry = parsed(writer.pieces({.choice = 0, .reasoning = "", .text = "", .logprobs = {token("\xE6\xB0")}}).at(0))
                   .at("choices")
                   .at(0)
                   .at("logprobs")
                   .at("content")
                   .at(0);
  EXPECT_EQ(entry.at("token"), "\xEF\xBF\xBD");
  EXPECT_EQ(to_json(entry.at("bytes")), "[230,176]");
}

TEST(ChunkWriter, LegacyOffsetsCountCharactersAcrossChunks) {
  ChunkWriter writer(head(Endpoint::kCompletion), 1, false);
  auto offset = [&](const std::string& text) {
    auto chunk = parsed(writer.pieces({.choice = 0, .reasoning = "", .text = text, .logprobs = {token(text)}}).at(0));
    return chunk.at("choices").at(0).at("logprobs").at("text_offset").at(0).get_int64();
  };
  EXPECT_EQ(offset("水水"), 0);
  EXPECT_EQ(offset("ab"), 2);
  EXPECT_EQ(offset("c"), 4);
}

TEST(ChunkWriter, TheUsageChunkHasNoChoices) {
  ChunkWriter writer(head(Endpoint::kChat), 1, false);
  auto usage =
      parsed(writer.usage({.prompt_tokens = 3, .cached_tokens = 1, .completion_tokens = 4, .reasoning_tokens = 2}));
  EXPECT_TRUE(usage.at("choices").get_array().empty());
  EXPECT_EQ(usage.at("usage").at("total_tokens"), 7);
  EXPECT_EQ(usage.at("usage").at("completion_tokens_details").at("reasoning_tokens"), 2);
}

TEST(RenderAnswer, AnErrorlessAnswerHasAllChoices) {
  inference::GenerationEnd end;
  end.finish = {inference::Finish::kStop, inference::Finish::kLength};
  auto body = parsed(render_answer(head(Endpoint::kChat), {{.reasoning = "r", .text = "a", .logprobs = {}}, {}}, end));
  EXPECT_EQ(body.at("choices").at(0).at("message").at("reasoning_content"), "r");
  EXPECT_FALSE(body.at("choices").at(1).at("message").get_object().contains("reasoning_content"));
  EXPECT_EQ(body.at("choices").at(1).at("finish_reason"), "length");
}

}  // namespace
}  // namespace studio::api::openai
