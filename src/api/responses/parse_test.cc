#include "api/responses/parse.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/responses/context.h"
#include "api/responses/items.h"
#include "base/json.h"

namespace studio::api::responses {
namespace {

std::string with(const std::string& fields) {
  return R"({"model":"m","input":"Hi")" + (fields.empty() ? "" : "," + fields) + "}";
}

std::string with_input(const std::string& input) {
  return R"({"model":"m","input":)" + input + "}";
}

// "param: message" of what is refused, or "".
template <typename Parse>
std::string refusal(Parse parse, const std::string& body) {
  const auto call = parse(body);
  return call.ok() ? "" : call.error().param() + ": " + call.error().message();
}

TEST(ResponsesParse, AShortRequestHasTheDefaultsOfTheHostedModels) {
  const auto call = parse_response(with(""));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_TRUE(call->is_stored);
  EXPECT_FALSE(call->is_background || call->generate.stream);
  EXPECT_FLOAT_EQ(call->generate.sampling.temperature, kDefaultTemperature);
  EXPECT_EQ(call->echo.at("temperature"), 0.7);
  EXPECT_EQ(call->echo.at("top_p"), 0.8);
  EXPECT_FALSE(call->enable_thinking.has_value());
  EXPECT_EQ(to_json(call->input.at(0).at("content")), R"([{"type":"input_text","text":"Hi"}])");
  EXPECT_TRUE(call->generate.ignored.empty());
}

TEST(ResponsesParse, EveryHonouredFieldArrives) {
  const auto call = parse_response(with(R"("instructions":"Be short.","previous_response_id":"resp_1","stream":true,
      "stream_options":{"include_obfuscation":false},"store":true,"background":true,"metadata":{"a":"b"},
      "include":["message.output_text.logprobs"],"top_logprobs":3,"max_output_tokens":99,"temperature":0.5,"top_p":0.25,
      "top_k":3,"seed":9,"reasoning":{"effort":"low"},"text":{"format":{"type":"text"}},"tools":[],"truncation":"disabled",
      "ignore_eos":true)"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  const engine::SamplingParams& sampling = call->generate.sampling;
  EXPECT_EQ(call->instructions, "Be short.");
  EXPECT_EQ(call->previous_response_id, "resp_1");
  EXPECT_TRUE(call->generate.stream && call->is_background && call->generate.ignore_eos);
  EXPECT_TRUE(sampling.logprobs);
  EXPECT_EQ(sampling.top_logprobs, 3);
  EXPECT_EQ(call->generate.max_completion_tokens, 99);
  EXPECT_EQ(sampling.top_k, 3);
  EXPECT_EQ(sampling.seed, 9u);
  EXPECT_EQ(call->enable_thinking, true);
  EXPECT_EQ(call->thinking_budget, 1024);
  EXPECT_EQ(call->echo.at("instructions"), "Be short.");
  EXPECT_EQ(to_json(call->echo.at("metadata")), R"({"a":"b"})");
  EXPECT_EQ(to_json(call->echo.at("reasoning")), R"({"effort":"low","summary":null})");
}

TEST(ResponsesParse, AnEffortIsABudget) {
  const auto effort = [](const std::string& word) {
    return parse_response(with(R"("reasoning":{"effort":")" + word + "\"}")).value();
  };
  EXPECT_EQ(effort("none").enable_thinking, false);
  EXPECT_LT(effort("minimal").thinking_budget, effort("low").thinking_budget);
  EXPECT_LT(effort("medium").thinking_budget, effort("high").thinking_budget);
  EXPECT_EQ(effort("max").enable_thinking, true);
  EXPECT_FALSE(effort("max").thinking_budget.has_value());
}

TEST(ResponsesParse, ItemsBecomeMessages) {
  const auto call = parse_response(with_input(R"([{"role":"developer","content":"d"},
      {"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
      {"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}],
       "encrypted_content":null,"status":"completed"},
      {"type":"message","id":"msg_1","role":"assistant","status":"completed",
       "content":[{"type":"output_text","text":"c","annotations":[],"logprobs":[]}]},
      {"role":"user","content":"e"}])"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  auto prompt = make_prompt(*call, call->input);
  ASSERT_EQ(prompt.messages.size(), 4u);
  EXPECT_EQ(prompt.messages[0].role, "system");
  EXPECT_EQ(prompt.messages[1].content, "ab");
  EXPECT_EQ(prompt.messages[2].reasoning_content, "hm");
  EXPECT_EQ(prompt.messages[2].content, "c");
  EXPECT_EQ(prompt.messages[3].content, "e");
  EXPECT_FALSE(prompt.is_partial);
}

TEST(ResponsesParse, KeptItemsReadAsTheyWereWritten) {
  auto call = parse_response(with_input(R"([{"role":"user","content":"a"},
      {"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
      {"role":"assistant","content":"b"}])"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  give_ids(call->input);
  auto again = parse_response(with_input(to_json(call->input)));
  ASSERT_TRUE(again.ok()) << again.error().message();
  for (auto& item : call->input) item.get_object().erase("id");
  EXPECT_EQ(to_json(again->input), to_json(call->input));
}

TEST(ResponsesParse, WhatHasNoEffectIsNamed) {
  const auto call =
      parse_response(with(R"("user":"u","prompt_cache_key":"k","include":["reasoning.encrypted_content"])"));
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->generate.ignored,
            (std::vector<std::string>{"user", "prompt_cache_key", "include.reasoning.encrypted_content"}));
}

TEST(ResponsesParse, RefusalsNameTheField) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"input":"x"})", "model: "},
      {R"({"model":"m"})", "input: "},
      {with_input("[]"), "input: "},
      {with_input("7"), "input: "},
      {with_input(R"(["x"])"), "input[0]: "},
      {with_input(R"([{"role":"tool","content":"x"}])"), "input[0].role: "},
      {with_input(R"([{"role":"user"}])"), "input[0].content: "},
      {with_input(R"([{"role":"user","content":[{"type":"input_image","image_url":"u"}]}])"),
       "input[0].content[0].type: "},
      {with_input(R"([{"role":"user","content":[{"type":"output_text","text":"x"}]}])"), "input[0].content[0].type: "},
      {with_input(R"([{"type":"function_call","call_id":"c","arguments":"{}"}])"), "input[0].name: "},
      {with_input(R"([{"type":"function_call","name":"f","arguments":"{}"}])"), "input[0].call_id: "},
      {with_input(R"([{"type":"function_call_output","call_id":"c"}])"), "input[0].output: "},
      {with_input(R"([{"type":"computer_call","call_id":"c"}])"), "input[0].type: "},
      {with_input(R"([{"type":7}])"), "input[0].type: "},
      {with_input(R"([{"role":"user","content":"x","roll":1}])"), "input[0].roll: "},
      {with_input(R"([{"type":"item_reference"}])"), "input[0].id: "},
      {with(R"("max_output_tokens":15)"), "max_output_tokens: "},
      {with(R"("temperature":2)"), "temperature: "},
      {with(R"("top_logprobs":2)"), "top_logprobs: "},
      {with(R"("include":["x"])"), "include[0]: "},
      {with(R"("include":[7])"), "include[0]: "},
      {with(R"("store":false,"background":true)"), "background: "},
      {with(R"("previous_response_id":"a","conversation":"b")"), "conversation: "},
      {with(R"("conversation":{"id":7})"), "conversation.id: "},
      {with(R"("conversation":"")"), "conversation: "},
      {with(R"("reasoning":{"effort":"much"})"), "reasoning.effort: "},
      {with(R"("reasoning":{"summary":"detailed"})"), "reasoning.summary: "},
      {with(R"("reasoning":{"effort":"low"},"thinking_budget":9)"), "thinking_budget: "},
      {with(R"("enable_thinking":false,"thinking_budget":9)"), "thinking_budget: "},
      {with(R"("text":{"format":{"type":"yaml"}})"), "text.format.type: "},
      {with(R"("text":{"format":{}})"), "text.format.type: "},
      {with(R"("text":{"format":{"type":"json_schema","schema":{}}})"), "text.format.name: "},
      {with(R"("text":{"format":{"type":"json_schema","name":"n"}})"), "text.format.schema: "},
      {with(R"("text":{"format":{"type":"json_schema","name":"n","schema":{"$ref":"http://x"}}})"),
       "text.format.schema#/$ref: "},
      {with(R"("text":{"verbosity":"low"})"), "text.verbosity: "},
      {with(R"("tools":[{"type":"function"}])"), "tools[0].name: "},
      {with(R"("tools":[{"type":"web_search"}])"), "tools[0].type: "},
      {with(R"("tools":[{"name":"f"}])"), "tools[0].type: "},
      {with(R"("tools":[{"type":"function","name":"f","function":{}}])"), "tools[0].function: "},
      {with(R"("tool_choice":"required")"), "tool_choice: "},
      {with(R"("tool_choice":"often")"), "tool_choice: "},
      {with(R"("tool_choice":{"type":"function","name":"f"})"), "tool_choice.name: "},
      {with(R"("tool_choice":{"type":"mcp"})"), "tool_choice.type: "},
      {with(R"("truncation":"auto")"), "truncation: "},
      {with(R"("stream_options":{})"), "stream_options: "},
      {with(R"("metadata":{"a":1})"), "metadata.a: "},
      {with(R"("max_tokens":9)"), "max_tokens: "},
  };
  for (const auto& [body, start] : cases) {
    const std::string told = refusal(parse_response, body);
    EXPECT_TRUE(told.starts_with(start)) << body << "\n" << told;
  }
}

TEST(ResponsesParse, FunctionsAreFlat) {
  const std::string tools =
      R"("tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{}},"strict":true},
      {"type":"function","name":"g","parameters":null,"strict":null}])";
  const auto call = parse_response(with(tools));
  ASSERT_TRUE(call.ok()) << call.error().message();
  ASSERT_EQ(call->tools.tools.size(), 2u);
  EXPECT_EQ(to_json(call->tools.tools[0].function),
            R"({"name":"f","description":"d","parameters":{"type":"object","properties":{}}})");
  EXPECT_TRUE(call->tools.choice.is_parallel);
  EXPECT_EQ(call->echo.at("tools").get_array().size(), 2u);

  using Mode = inference::ToolChoice::Mode;
  const auto chosen = [&](const std::string& choice) {
    return parse_response(with(tools + ",\"tool_choice\":" + choice)).value().tools;
  };
  EXPECT_EQ(chosen("\"none\"").choice.mode, Mode::kNone);
  EXPECT_EQ(chosen("\"required\"").choice.mode, Mode::kRequired);
  EXPECT_EQ(chosen(R"({"type":"function","name":"g"})").choice.name, "g");
  const auto allowed = chosen(R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"g"}]})");
  ASSERT_EQ(allowed.tools.size(), 1u);
  EXPECT_EQ(allowed.tools[0].name, "g");
  EXPECT_EQ(allowed.choice.mode, Mode::kRequired);
}

TEST(ResponsesParse, CallsAndTheirOutputsBecomeMessages) {
  const auto call = parse_response(with_input(R"([{"role":"user","content":"q"},
      {"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
      {"role":"assistant","content":"I look."},
      {"type":"function_call","call_id":"c1","name":"f","arguments":"{}","id":"fc_1","status":"completed"},
      {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
      {"type":"function_call_output","call_id":"c1","output":"one"},
      {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"}]},
      {"type":"function_call","call_id":"c3","name":"f","arguments":"{}"},
      {"type":"function_call_output","call_id":"c3","output":"three"}])"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_TRUE(check_calls(call->input).ok());
  const auto messages = make_prompt(*call, call->input).messages;
  ASSERT_EQ(messages.size(), 6u);
  EXPECT_EQ(messages[1].content, "I look.");
  EXPECT_EQ(messages[1].reasoning_content, "hm");
  ASSERT_EQ(messages[1].tool_calls.size(), 2u);
  EXPECT_EQ(messages[1].tool_calls[1].name, "g");
  EXPECT_EQ(messages[2].role, "tool");
  EXPECT_EQ(messages[3].content, "two");
  EXPECT_EQ(messages[3].tool_call_id, "c2");
  EXPECT_EQ(messages[4].tool_calls.size(), 1u);
}

TEST(ResponsesParse, CallsAndOutputsNeedEachOther) {
  const auto items = [](const std::string& text) { return parse_response(with_input(text)).value().input; };
  EXPECT_FALSE(check_calls(items(R"([{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}])")).ok());
  EXPECT_FALSE(check_calls(items(R"([{"type":"function_call_output","call_id":"c","output":"x"}])")).ok());
  EXPECT_FALSE(check_calls(items(R"([{"type":"function_call_output","call_id":"c","output":"x"},
      {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}])"))
                   .ok());
}

TEST(ResponsesParse, FormatsHoldTheAnswer) {
  const auto schema = parse_response(with(
      R"("text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object","properties":{}}}})"));
  ASSERT_TRUE(schema.ok()) << schema.error().message();
  EXPECT_NE(schema->generate.constraint, "");
  EXPECT_EQ(schema->echo.at("text").at("format").at("name"), "n");
  const auto object = parse_response(with(R"("text":{"format":{"type":"json_object"}})"));
  ASSERT_TRUE(object.ok());
  EXPECT_TRUE(object->generate.is_json_mode);
}

TEST(ResponsesParse, MetadataHasTheLimitsOfTheOriginal) {
  const auto pairs = [](int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += (i ? ",\"" : "\"") + std::to_string(i) + "\":\"x\"";
    return with("\"metadata\":{" + all + "}");
  };
  EXPECT_TRUE(parse_response(pairs(16)).ok());
  EXPECT_FALSE(parse_response(pairs(17)).ok());
  const std::string character = "水";
  std::string longest, too_long;
  for (int i = 0; i < 512; ++i) longest += character;
  too_long = longest + character;
  EXPECT_TRUE(parse_response(with("\"metadata\":{\"k\":\"" + longest + "\"}")).ok()) << "characters, not bytes";
  EXPECT_FALSE(parse_response(with("\"metadata\":{\"k\":\"" + too_long + "\"}")).ok());
  EXPECT_FALSE(parse_response(with("\"metadata\":{\"" + std::string(65, 'k') + "\":\"\"}")).ok());
}

TEST(ResponsesParse, WhatIsUnknownIsToldWithTheNearestName) {
  EXPECT_TRUE(refusal(parse_response, with("\"temperatur\":1")).ends_with("did you mean 'temperature'?"));
  EXPECT_TRUE(refusal(parse_response, with(R"("tools":[{"type":"function","name":"f","parameter":{}}])"))
                  .ends_with("did you mean 'parameters'?"));
}

TEST(ResponsesParse, WhatMayBeLeftOutIsNamedInTheResponse) {
  const auto call = parse_response(with(R"("truncation":"auto","tools":[{"type":"function","name":"f","colour":1}],
      "allow_degraded":true)"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_EQ(call->generate.degraded, (std::vector<std::string>{"truncation", "tools[0].colour"}));
  EXPECT_EQ(to_json(call->echo.at("degraded")), R"({"unhonoured":["truncation","tools[0].colour"]})");
  EXPECT_FALSE(parse_response(with("\"allow_degraded\":true"))->echo.contains("degraded"));
  EXPECT_FALSE(parse_response(with(R"("temperature":9,"allow_degraded":true)")).ok()) << "that is no promise";
  EXPECT_EQ(parse_conversation(R"({"colour":1,"allow_degraded":true})")->degraded, std::vector<std::string>{"colour"});
}

TEST(ResponsesParse, AnIdAloneNamesAnItem) {
  const auto call = parse_response(with_input(R"([{"id":"msg_1"},{"role":"user","content":"x"}])"));
  ASSERT_TRUE(call.ok()) << call.error().message();
  EXPECT_TRUE(is_reference(call->input.at(0).get_object()));
}

TEST(ResponsesParse, ConversationsTakeItemsAndMetadata) {
  EXPECT_TRUE(parse_conversation("").ok()) << "the clients' create() sends nothing";
  const auto made = parse_conversation(R"({"items":[{"role":"user","content":"x"}],"metadata":{"a":"b"}})");
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->items.size(), 1u);
  EXPECT_NE(refusal(parse_conversation, R"({"items":[{"type":"item_reference","id":"msg_1"}]})"), "");
  EXPECT_TRUE(refusal(parse_conversation, R"({"item":[]})").starts_with("item: "));
  EXPECT_TRUE(refusal(parse_metadata, "{}").starts_with("metadata: "));
  EXPECT_TRUE(parse_metadata(R"({"metadata":null})").ok()) << "null takes it away";
  EXPECT_TRUE(refusal(parse_new_items, "{}").starts_with("items: "));
  std::string many;
  for (int i = 0; i < 21; ++i) many += std::string(i ? "," : "") + R"({"role":"user","content":"x"})";
  EXPECT_TRUE(refusal(parse_new_items, R"({"items":[)" + many + "]}").starts_with("items: "));
}

}  // namespace
}  // namespace studio::api::responses
