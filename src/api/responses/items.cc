#include "api/responses/items.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/ids.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;

constexpr FieldRule kMessageRules[] = {
    {"type"},
    {"role", FieldUse::kHonoured, R"("user" "system" "developer" "assistant")"},
    {"content"},
    {"id", FieldUse::kNoEffect, "a text"},
    {"status", FieldUse::kNoEffect, "a text"},
    {"phase", FieldUse::kNoEffect, "a text"},
};
constexpr FieldRule kPartRules[] = {
    {"type"},
    {"text"},
    {"prompt_cache_breakpoint", FieldUse::kNoEffect, "an object"},
    {"annotations", FieldUse::kNoEffect, "a list"},
    {"logprobs", FieldUse::kNoEffect, "a list"},
};
// An answer's own items come back as they were given: their reasoning is in `content`.
constexpr FieldRule kReasoningRules[] = {
    {"type"},
    {"content"},
    {"id", FieldUse::kNoEffect, "a text"},
    {"status", FieldUse::kNoEffect, "a text"},
    {"summary", FieldUse::kNoEffect, "a list"},
    {"encrypted_content", FieldUse::kNoEffect, "a text"},
};
constexpr FieldRule kCallRules[] = {
    {"type"},
    {"call_id"},
    {"name"},
    {"arguments"},
    {"id", FieldUse::kNoEffect, "a text"},
    {"status", FieldUse::kNoEffect, "a text"},
    {"async", FieldUse::kNotBuilt, "false"},
    {"caller", FieldUse::kNotBuilt, R"({"type":"direct"})"},
    {"namespace", FieldUse::kNotBuilt},
};
constexpr FieldRule kOutputRules[] = {
    {"type"},
    {"call_id"},
    {"output"},
    {"id", FieldUse::kNoEffect, "a text"},
    {"status", FieldUse::kNoEffect, "a text"},
    {"name", FieldUse::kNoEffect, "a text"},
    {"caller", FieldUse::kNotBuilt, R"({"type":"direct"})"},
    {"namespace", FieldUse::kNotBuilt},
};
constexpr FieldRule kReferenceRules[] = {{"type"}, {"id"}};

// The one text of a list of parts, each of a type in `types`.
std::string read_parts(FieldReader& reader, std::string_view field, const json::array& parts,
                       std::span<const std::string_view> types, std::vector<std::string>* ignored) {
  std::string all;
  read_objects(reader, field, parts, kMaxContentParts, "an object with type and text",
               [&](const json::object& part, const std::string& place, size_t) {
                 const json::value* type = part.if_contains("type");
                 if (!type || !type->is_string()) {
                   return reader.fail(place + ".type", "is missing; for a text it is " + quoted(types.front()));
                 }
                 const std::string_view given = type->get_string();
                 if (std::find(types.begin(), types.end(), given) == types.end()) {
                   return reader.fail(place + ".type",
                                      "must be " + quoted(types.front()) +
                                          " here: this version reads text alone, not " + quoted(given),
                                      Code::kUnimplemented);
                 }
                 FieldReader inner(part, reader.path_of(place), kPartRules, ignored);
                 auto text = inner.text("text");
                 if (inner.ok() && !text) inner.fail("text", "is missing");
                 if (!inner.ok()) return reader.fail(inner.status().error());
                 all += *text;
               });
  return all;
}

std::string read_content(FieldReader& reader, std::string_view field, std::span<const std::string_view> types,
                         std::vector<std::string>* ignored) {
  const json::value* content = reader.find(field);
  if (!content) {
    reader.fail(field, "is missing: a text or a list of parts");
  } else if (content->is_string()) {
    return std::string(content->get_string());
  } else if (content->is_array()) {
    return read_parts(reader, field, content->get_array(), types, ignored);
  } else {
    reader.fail(field, "must be a text or a list of parts; it is " + std::string(json_kind(*content)));
  }
  return "";
}

json::object message_of(std::string_view role, std::string_view text) {
  json::object part{{"type", role == "assistant" ? "output_text" : "input_text"}, {"text", text}};
  if (role == "assistant") part["annotations"] = json::array(), part["logprobs"] = json::array();
  return {{"type", "message"}, {"status", "completed"}, {"role", role}, {"content", json::array{std::move(part)}}};
}

json::object read_message(FieldReader& reader, std::vector<std::string>* ignored) {
  static constexpr std::string_view kOfCaller[] = {"input_text"};
  static constexpr std::string_view kOfAssistant[] = {"output_text", "input_text"};
  const auto role = reader.text("role");
  const bool is_known = role && (*role == "user" || *role == "system" || *role == "developer" || *role == "assistant");
  if (!role) {
    reader.fail("role", "is missing; it is user, system, developer or assistant");
  } else if (!is_known) {
    reader.fail("role", "must be user, system, developer or assistant; it is " + quoted(*role));
  }
  if (!reader.ok()) return {};
  const bool is_assistant = *role == "assistant";
  return message_of(*role, read_content(reader, "content",
                                        is_assistant ? std::span<const std::string_view>(kOfAssistant)
                                                     : std::span<const std::string_view>(kOfCaller),
                                        ignored));
}

json::object read_reasoning(FieldReader& reader, std::vector<std::string>* ignored) {
  static constexpr std::string_view kTypes[] = {"reasoning_text"};
  json::array content;
  if (const json::array* parts = reader.list("content")) {
    std::string text = read_parts(reader, "content", *parts, kTypes, ignored);
    if (!text.empty()) content.push_back(json::object{{"type", "reasoning_text"}, {"text", std::move(text)}});
  }
  return {{"type", "reasoning"},
          {"status", "completed"},
          {"summary", json::array()},
          {"content", std::move(content)},
          {"encrypted_content", nullptr}};
}

std::string read_call_id(FieldReader& reader) {
  auto id = reader.text("call_id");
  if (reader.ok() && (!id || id->empty())) reader.fail("call_id", "is missing");
  return id.value_or("");
}

json::object read_call(FieldReader& reader) {
  std::string call_id = read_call_id(reader);
  const auto name = reader.text("name");
  if (reader.ok() && (!name || name->empty())) reader.fail("name", "is missing");
  const auto arguments = reader.text("arguments");
  if (reader.ok() && !arguments) reader.fail("arguments", "is missing: the text of a JSON object");
  return {{"type", "function_call"},
          {"status", "completed"},
          {"call_id", std::move(call_id)},
          {"name", name.value_or("")},
          {"arguments", arguments.value_or("")}};
}

json::object read_output(FieldReader& reader, std::vector<std::string>* ignored) {
  static constexpr std::string_view kTypes[] = {"input_text"};
  std::string call_id = read_call_id(reader);
  std::string output = read_content(reader, "output", kTypes, ignored);
  return {{"type", "function_call_output"},
          {"status", "completed"},
          {"call_id", std::move(call_id)},
          {"output", std::move(output)}};
}

json::object read_reference(FieldReader& reader) {
  const auto id = reader.text("id");
  if (reader.ok() && !id) reader.fail("id", "is missing: the item's that is meant");
  return {{"type", kReference}, {"id", id.value_or("")}};
}

json::object read_item(FieldReader& outer, const json::object& item, const std::string& place,
                       std::vector<std::string>* ignored) {
  const json::value* type = item.if_contains("type");
  const bool is_text = type && type->is_string();
  const bool is_id_alone = !type && item.size() == 1 && item.contains("id");
  const std::string_view otherwise = is_id_alone ? kReference : "message";
  const std::string_view name = is_text ? std::string_view(type->get_string()) : otherwise;
  auto read = [&](std::span<const FieldRule> rules, auto reading) {
    FieldReader inner(item, outer.path_of(place), rules, ignored);
    json::object kept = inner.ok() ? reading(inner) : json::object();
    if (!inner.ok()) outer.fail(inner.status().error());
    return kept;
  };
  if (type && !type->is_null() && !is_text) {
    outer.fail(place + ".type", "must be a text; it is " + std::string(json_kind(*type)));
  } else if (name == "message") {
    return read(kMessageRules, [&](FieldReader& reader) { return read_message(reader, ignored); });
  } else if (name == "reasoning") {
    return read(kReasoningRules, [&](FieldReader& reader) { return read_reasoning(reader, ignored); });
  } else if (name == "function_call") {
    return read(kCallRules, read_call);
  } else if (name == "function_call_output") {
    return read(kOutputRules, [&](FieldReader& reader) { return read_output(reader, ignored); });
  } else if (name == kReference) {
    return read(kReferenceRules, [&](FieldReader& reader) { return read_reference(reader); });
  } else {
    outer.fail(
        place + ".type",
        "must be message, reasoning, function_call, function_call_output or item_reference: this version reads no "
        "others, not " +
            quoted(name),
        Code::kUnimplemented);
  }
  return {};
}

// Of items that we made: what is not there is "".
std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::string content_of(const json::object& item) {
  std::string all;
  const json::value* content = item.if_contains("content");
  if (!content || !content->is_array()) return all;
  for (const json::value& part : content->get_array()) {
    if (const json::object* object = part.if_object()) all += text_of(*object, "text");
  }
  return all;
}

// Items one after the other as messages. What the assistant says and what it calls behind that are one message.
class PromptWriter {
 public:
  explicit PromptWriter(inference::ChatPrompt& prompt) : prompt_(prompt) {}

  void add(const json::object& item) {
    const std::string_view type = text_of(item, "type");
    if (type == "reasoning") {
      reasoning_ = content_of(item);
    } else if (type == "function_call") {
      add_call(item);
    } else if (type == "function_call_output") {
      inference::Message& message = begin("tool", std::string(text_of(item, "output")));
      message.tool_call_id = text_of(item, "call_id");
    } else {
      const std::string_view role = text_of(item, "role");
      begin(role == "developer" ? "system" : role, content_of(item));  // the newer name of the same thing
    }
  }

 private:
  inference::Message& begin(std::string_view role, std::string content) {
    inference::Message message{.role = std::string(role), .content = std::move(content), .reasoning_content = {}};
    if (role == "assistant") message.reasoning_content = std::move(reasoning_);
    reasoning_.clear();
    prompt_.messages.push_back(std::move(message));
    has_begun_ = true;
    return prompt_.messages.back();
  }

  void add_call(const json::object& item) {
    const bool goes_on = has_begun_ && prompt_.messages.back().role == "assistant" && reasoning_.empty();
    inference::Message& message = goes_on ? prompt_.messages.back() : begin("assistant", "");
    message.tool_calls.push_back({.id = std::string(text_of(item, "call_id")),
                                  .name = std::string(text_of(item, "name")),
                                  .arguments = std::string(text_of(item, "arguments"))});
  }

  inference::ChatPrompt& prompt_;
  std::string reasoning_;  // of the assistant's message that follows
  bool has_begun_ = false;
};

void give_id(json::object& item, const std::string& name) {
  if (text_of(item, "type") == kReference || item.contains("id")) return;
  const std::string_view type = text_of(item, "type");
  const char* prefix = type == "reasoning" ? "rs_" : type.starts_with("function_call") ? "fc_" : "msg_";
  item["id"] = prefix + name;
}

}  // namespace

json::array read_items(FieldReader& reader, std::string_view name, const json::array& items, size_t most,
                       std::vector<std::string>* ignored) {
  json::array kept;
  read_objects(reader, name, items, most, "an object with type",
               [&](const json::object& item, const std::string& place, size_t) {
                 kept.push_back(read_item(reader, item, place, ignored));
               });
  return kept;
}

void add_item_tables(const std::string& name, References references, std::vector<FieldTable>& tables) {
  const std::string item = name + "[]", part = item + ".content[]";
  tables.push_back({item, "message", kMessageRules});  // first: an item without a type is one
  tables.push_back({part, "input_text", kPartRules});
  tables.push_back({part, "output_text", kPartRules, "assistant"});
  tables.push_back({item, "reasoning", kReasoningRules});
  tables.push_back({part, "reasoning_text", kPartRules});
  tables.push_back({item, "function_call", kCallRules});
  tables.push_back({item, "function_call_output", kOutputRules});
  tables.push_back({item + ".output[]", "input_text", kPartRules});
  if (references == References::kAllowed) tables.push_back({item, kReference, kReferenceRules});
}

json::object user_message(std::string_view text) {
  return message_of("user", text);
}

void give_ids(json::array& items) {
  for (json::value& value : items) give_id(value.get_object(), new_uuid());
}

void give_ids(json::array& items, const std::string& request_id) {
  for (size_t i = 0; i < items.size(); ++i) {
    give_id(items[i].get_object(), request_id + (i > 0 ? "_" + std::to_string(i) : ""));
  }
}

std::string_view id_of(const json::object& item) {
  return text_of(item, "id");
}

bool is_reference(const json::object& item) {
  return text_of(item, "type") == kReference;
}

Status check_calls(const json::array& items) {
  std::set<std::string_view> open, answered;
  for (const json::value& value : items) {
    const json::object& item = value.get_object();
    const std::string_view type = text_of(item, "type"), call_id = text_of(item, "call_id");
    if (type == "function_call") open.insert(call_id);
    if (type != "function_call_output") continue;
    if (!open.contains(call_id)) {
      return Error(Code::kInvalidArgument,
                   "input holds the output of a call that was not made: " + quoted(call_id) + ".")
          .with_param("input");
    }
    answered.insert(call_id);
  }
  for (std::string_view call_id : open) {
    if (answered.contains(call_id)) continue;
    return Error(Code::kInvalidArgument, "input must hold the output of call " + quoted(call_id) +
                                             ", as a function_call_output of that call_id.")
        .with_param("input");
  }
  return Ok{};
}

void add_messages(const json::array& items, inference::ChatPrompt& prompt) {
  PromptWriter writer(prompt);
  for (const json::value& value : items) {
    if (const json::object* item = value.if_object()) writer.add(*item);
  }
}

}  // namespace studio::api::responses
