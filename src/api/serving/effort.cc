#include "api/serving/effort.h"

#include <algorithm>
#include <iterator>

#include "api/serving/call_fields.h"

namespace studio::api {
namespace {

struct NamedEffort {
  std::string_view name;
  int budget_tokens = 0;  // 0: none
};
constexpr NamedEffort kEfforts[] = {{"minimal", 256}, {"low", 1024}, {"medium", 4096},
                                    {"high", 16384},  {"xhigh"},     {"max"}};

}  // namespace

std::optional<Effort> read_effort(FieldReader& reader, std::string_view name) {
  const auto word = reader.text(name);
  if (!word) return std::nullopt;
  if (*word == "none") return Effort{.thinks = false, .budget_tokens = {}};
  const auto* known = std::ranges::find(kEfforts, std::string_view(*word), &NamedEffort::name);
  if (known == std::end(kEfforts)) {
    reader.fail(name, "must be none, minimal, low, medium, high, xhigh or max; it is " + quoted(*word));
    return std::nullopt;
  }
  Effort effort{.thinks = true, .budget_tokens = {}};
  if (known->budget_tokens > 0) effort.budget_tokens = known->budget_tokens;
  return effort;
}

void add_effort(FieldReader& reader, std::string_view name, inference::ChatPrompt& prompt) {
  const auto effort = read_effort(reader, name);
  if (!effort) return;
  if (prompt.thinking_budget) return reader.fail(name, "and thinking_budget exclude each other");
  if (prompt.enable_thinking && *prompt.enable_thinking != effort->thinks) {
    return reader.fail(name, "contradicts enable_thinking");
  }
  if (effort->thinks && prompt.is_partial) {
    return reader.fail(name, "must be \"none\" where the last message is partial");
  }
  prompt.enable_thinking = effort->thinks;
  prompt.thinking_budget = effort->budget_tokens;
}

}  // namespace studio::api
