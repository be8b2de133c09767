#include "engine/constrain/tool_grammar.h"

#include <utility>
#include <vector>

#include "engine/constrain/dfa.h"
#include "engine/constrain/parameter_text.h"
#include "engine/constrain/schema.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

Error not_tools(const char* why) {
  return Error(Code::kInvalidArgument, std::string("tools: ") + why).with_param("tools");
}

std::string_view text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

class ToolGrammar {
 public:
  ToolGrammar(Grammar& grammar, JsonParts& parts) : grammar_(grammar), parts_(parts) {}

  // `rest`: set to what follows a head of the call.
  Result<ExprId> hermes_call(std::string_view name, const json::value& parameters, ExprId& rest) {
    STUDIO_TRY(const RuleId rule, add_schema(grammar_, parts_, parameters));
    const ExprId arguments = grammar_.rule(rule);
    rest = grammar_.sequence({parts_.space(), arguments, parts_.space(), literal("}")});
    return grammar_.sequence(
        {literal("{\"name\": \"" + json_escaped(name) + "\", \"arguments\": "), arguments, literal("}")});
  }

  Result<ExprId> coder_call(std::string_view name, const json::value& parameters, ExprId& rest) {
    STUDIO_TRY(const RuleId rule, add_parameters(grammar_, parts_, parameters));
    rest = grammar_.sequence({grammar_.rule(rule), literal(std::string(kFunctionClose))});
    const std::string head = std::string(kFunctionOpen) + std::string(name) + std::string(kFunctionNameEnd);
    return grammar_.sequence({literal(head), rest});
  }

 private:
  ExprId literal(const std::string& text) { return grammar_.literal(text); }

  Grammar& grammar_;
  JsonParts& parts_;
};

struct Functions {
  std::vector<std::string> names;
  std::vector<ExprId> rests;  // of calls, behind their heads
  ExprId call = 0;            // to any of them, without the tags
};

Result<Functions> add_functions(Grammar& grammar, JsonParts& parts, const json::object& tools, bool is_coder) {
  const json::value* list = tools.if_contains("functions");
  if (list == nullptr || !list->is_array() || list->get_array().empty()) return not_tools("no functions");
  if (list->get_array().size() > kMaxTools) return not_tools("too many functions");
  ToolGrammar maker(grammar, parts);
  Functions functions;
  std::vector<ExprId> calls;
  for (const json::value& one : list->get_array()) {
    const json::object* function = one.if_object();
    const json::value* parameters = function == nullptr ? nullptr : function->if_contains("parameters");
    if (parameters == nullptr || text_of(*function, "name").empty())
      return not_tools("a function needs name and parameters");
    const std::string_view name = text_of(*function, "name");
    functions.names.emplace_back(name);
    ExprId& rest = functions.rests.emplace_back();
    STUDIO_TRY(const ExprId call,
               is_coder ? maker.coder_call(name, *parameters, rest) : maker.hermes_call(name, *parameters, rest));
    calls.push_back(call);
  }
  functions.call = grammar.choice(calls);
  return functions;
}

// From the tag that opens a call on.
ExprId tagged(Grammar& grammar, ExprId call) {
  return grammar.sequence({grammar.literal("\n"), call, grammar.literal("\n" + std::string(kToolCallClose))});
}

// Where a call may follow another, so may text in which none begins.
Result<ExprId> add_plain(Grammar& grammar, const Functions& functions, CallHeads::Form form, bool begins_with_text,
                         bool is_one) {
  if (functions.names.size() > kMaxPlainTools) return not_tools("too many functions to call without a tag");
  const CallHeads heads(functions.names, form);
  const RuleId behind = grammar.add_rule(), call = grammar.add_rule();
  grammar.define(call, grammar.sequence({tagged(grammar, functions.call), grammar.rule(behind)}));
  const std::vector<RuleId> texts = heads.add_to(grammar, [&](CallHeads::State state) {
    if (state == CallHeads::kTag) return grammar.rule(call);
    return grammar.sequence({functions.rests[*heads.found(state)], grammar.rule(behind)});
  });
  grammar.define(behind, is_one ? grammar.empty() : grammar.rule(texts[CallHeads::kBetween]));
  if (begins_with_text) return grammar.rule(texts[CallHeads::kLineStart]);
  return grammar.sequence({grammar.literal(kToolCallOpen), grammar.rule(call)});
}

uint32_t number_of(const json::object& tools, std::string_view key) {
  const json::value* value = tools.if_contains(key);
  const bool is_some = value != nullptr && value->is_int64() && value->get_int64() > 0;
  return is_some ? static_cast<uint32_t>(value->get_int64()) : 0u;
}

bool flag_of(const json::object& tools, std::string_view key) {
  const json::value* value = tools.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace

// Pieces are a byte that does not begin the tag, or beginnings of the tag of which the last one breaks off.
ExprId text_without(Grammar& grammar, std::string_view tag) {
  const auto first = static_cast<uint8_t>(tag.front());
  std::vector<std::string> beginnings;
  std::vector<ExprId> pieces = {grammar.bytes(~ByteSet().set(first))};
  for (size_t i = 1; i < tag.size(); ++i) beginnings.emplace_back(tag.substr(0, i));
  const ExprId broken_off = grammar.repeat(grammar.literals(beginnings), 0, kNoLimit);
  for (size_t i = 1; i < tag.size(); ++i) {
    const ByteSet others = ~ByteSet().set(first).set(static_cast<uint8_t>(tag[i]));
    pieces.push_back(grammar.sequence({broken_off, grammar.literal(beginnings[i - 1]), grammar.bytes(others)}));
  }
  return grammar.sequence({grammar.repeat(grammar.choice(pieces), 0, kNoLimit), broken_off});
}

Result<ExprId> add_tools(Grammar& grammar, JsonParts& parts, const json::object& tools) {
  const bool is_coder = text_of(tools, "format") == "coder";
  if (!is_coder && text_of(tools, "format") != "hermes") return not_tools("no such format");
  STUDIO_TRY(const Functions functions, add_functions(grammar, parts, tools, is_coder));
  const uint32_t least = number_of(tools, "least"), most = number_of(tools, "most");
  const bool begins_with_text = flag_of(tools, "text");
  if (flag_of(tools, "plain")) {
    const auto form = is_coder ? CallHeads::Form::kCoder : CallHeads::Form::kJson;
    return add_plain(grammar, functions, form, begins_with_text, most == 1);
  }
  const RuleId call = grammar.add_rule();
  grammar.define(call, grammar.sequence({grammar.literal(kToolCallOpen), tagged(grammar, functions.call)}));
  const ExprId next = grammar.sequence({grammar.literal("\n"), grammar.rule(call)});
  const ExprId some = grammar.sequence(
      {grammar.rule(call), grammar.repeat(next, std::max(least, 1u) - 1, most == 0 ? kNoLimit : most - 1)});
  const ExprId all = least == 0 ? grammar.optional(some) : some;
  return begins_with_text ? grammar.sequence({text_without(grammar, kToolCallOpen), all}) : all;
}

}  // namespace studio::engine::constrain
