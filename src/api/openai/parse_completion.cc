// The body of completions.
#include <boost/json.hpp>

#include "api/openai/parse.h"
#include "api/openai/parse_common.h"
#include "api/serving/degraded.h"

namespace studio::api::openai {
namespace {

using engine::TokenId;

// One line per field of POST /completions beside kGenerateRules; see the README for what each means.
constexpr FieldRule kCompletionOwnRules[] = {
    {"prompt"}, {"suffix"}, {"echo"}, {"best_of"}, {"response_format", FieldUse::kNotBuilt, R"({"type":"text"})"},
};
constexpr auto kCompletionRules = join(kGenerateRules, kCompletionOwnRules);

std::optional<std::vector<TokenId>> read_ids(const boost::json::array& items) {
  std::vector<TokenId> ids;
  ids.reserve(items.size());
  for (const boost::json::value& item : items) {
    if (!item.is_int64() || item.get_int64() < 0 || item.get_int64() > INT32_MAX) return std::nullopt;
    ids.push_back(static_cast<TokenId>(item.get_int64()));
  }
  return ids;
}

void read_prompt(FieldReader& reader, CompletionCall& call) {
  constexpr std::string_view kWanted = "must be a text, a list of texts, a list of token ids or a list of such lists";
  const boost::json::value* prompt = reader.find("prompt");
  if (!prompt) return reader.fail("prompt", "is missing");
  if (prompt->is_string()) {
    call.prompts.emplace_back(std::string(prompt->get_string()));
    return;
  }
  const boost::json::array* items = prompt->if_array();
  if (!items || items->empty()) return reader.fail("prompt", kWanted);
  if (items->front().is_number()) {
    auto ids = read_ids(*items);
    if (!ids) return reader.fail("prompt", "must hold token ids: whole numbers from 0");
    call.prompts.emplace_back(std::move(*ids));
    return;
  }
  for (const boost::json::value& item : *items) {
    if (item.is_string()) {
      call.prompts.emplace_back(std::string(item.get_string()));
    } else if (auto ids = item.is_array() ? read_ids(item.get_array()) : std::nullopt) {
      call.prompts.emplace_back(std::move(*ids));
    } else {
      return reader.fail("prompt", kWanted);
    }
  }
}

void check_prompts(FieldReader& reader, const CompletionCall& call) {
  for (const auto& prompt : call.prompts) {
    if (std::visit([](const auto& value) { return value.empty(); }, prompt)) {
      return reader.fail("prompt", "must not be empty");
    }
    if (call.suffix && !std::holds_alternative<std::string>(prompt)) {
      return reader.fail("suffix", "needs a prompt in text, not in token ids");
    }
  }
  size_t choices = call.prompts.size() * static_cast<size_t>(call.best_of.value_or(call.generate.n));
  if (choices > static_cast<size_t>(inference::kMaxChoices)) {
    reader.fail("prompt", "and n or best_of ask for " + std::to_string(choices) + " choices; at most " +
                              std::to_string(inference::kMaxChoices) + " go into one request");
  }
}

// What is not told is generated all the same, and counts as such.
void read_best_of(FieldReader& reader, CompletionCall& call) {
  const auto best_of = reader.integer("best_of", call.generate.n, inference::kMaxChoices);
  if (!best_of || *best_of == call.generate.n) return;
  if (call.generate.stream) reader.fail("best_of", "must be n in a stream: which is best shows at the end");
  if (call.echoes) reader.fail("best_of", "and echo exclude each other");
  call.best_of = static_cast<int>(*best_of);
}

Result<CompletionCall> read_completion(const boost::json::object& body) {
  CompletionCall call;
  FieldReader reader(body, "", kCompletionRules, &call.generate.ignored);
  call.echoes = reader.flag("echo").value_or(false);
  read_generate(reader, call.generate, call.echoes ? 0 : 1);
  read_prompt(reader, call);
  call.suffix = reader.text("suffix");
  if (auto top = reader.integer("logprobs", 0, kMaxCompletionLogprobs)) {
    call.generate.sampling.logprobs = true;
    call.generate.sampling.top_logprobs = static_cast<int>(*top);
  }
  read_best_of(reader, call);
  if (call.echoes && call.suffix) reader.fail("echo", "and suffix exclude each other");
  if (reader.ok()) check_prompts(reader, call);
  STUDIO_CHECK_OK(reader.status());
  return call;
}

}  // namespace

Result<CompletionCall> parse_completion(std::string_view body) {
  return parse_degradable(body, read_completion);
}

EndpointFields completion_fields() {
  EndpointFields fields{"openai", "POST /v1/completions", {{"", "", kCompletionRules}}};
  add_common_tables(fields.tables);
  return fields;
}

}  // namespace studio::api::openai
