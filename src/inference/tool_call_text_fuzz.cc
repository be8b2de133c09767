// Any text as an answer with calls, in both forms: the same calls and the same text in whatever pieces it comes, calls
// numbered in turn, and of a call in text nothing left in the text.
// Input: a byte of options, a byte that seeds the pieces, then the text.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inference/tool_call_text.h"

namespace {

using namespace studio::inference;

void check(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const ToolSet> tools(bool is_plain, bool is_parallel) {
  auto set = std::make_shared<ToolSet>();
  set->choice.is_parallel = is_parallel;
  set->has_plain_calls = is_plain;
  set->tools.push_back(
      {"weather", {}, boost::json::parse(R"({"properties":{"city":{"type":"string"},"days":{"type":"integer"}}})")});
  set->tools.push_back({"now", {}, boost::json::parse("{}")});
  return set;
}

struct Told {
  std::string text;
  std::vector<ToolCall> calls;
  std::vector<bool> are_whole;
};

void take(const ChoiceDelta& delta, Told& told) {
  check(delta.text.empty() || told.calls.empty());
  told.text += delta.text;
  for (const ToolCallDelta& call : delta.tool_calls) {
    if (!call.id.empty()) {
      check(static_cast<size_t>(call.index) == told.calls.size());
      told.calls.push_back({call.id, call.name, {}});
      told.are_whole.push_back(false);
    }
    check(static_cast<size_t>(call.index) + 1 == told.calls.size() && !told.are_whole.back());
    told.calls.back().arguments += call.arguments;
    told.are_whole.back() = call.is_last;
  }
}

// `seed` 0: in one piece.
Told read(std::string_view text, const std::shared_ptr<const ToolSet>& set, ToolFormat format, uint32_t seed) {
  ToolCallText reader(set, format, "answer#0");
  Told told;
  uint32_t state = seed;
  while (!reader.is_over()) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator: any will do
    const size_t length = seed == 0 ? text.size() : std::min<size_t>(text.size(), 1 + (state >> 16) % (seed % 16 + 1));
    ChoiceDelta delta;
    delta.text = text.substr(0, length);
    text.remove_prefix(length);
    const bool is_end = text.empty();
    reader.push(delta, is_end);
    take(delta, told);
    if (is_end) break;
  }
  check(reader.calls() == static_cast<int>(told.calls.size()) && reader.calls() <= set->choice.most_calls());
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const bool is_coder = (data[0] & 1) != 0;
  const auto set = tools((data[0] & 2) != 0, (data[0] & 4) != 0);
  const ToolFormat format = is_coder ? ToolFormat::kCoder : ToolFormat::kHermes;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Told whole = read(text, set, format, 0), in_pieces = read(text, set, format, 1u + data[1]);
  check(whole.text == in_pieces.text && whole.are_whole == in_pieces.are_whole);
  check(whole.calls.size() == in_pieces.calls.size());
  for (size_t i = 0; i < whole.calls.size(); ++i) {
    check(whole.calls[i].id == in_pieces.calls[i].id && whole.calls[i].name == in_pieces.calls[i].name);
    check(whole.calls[i].arguments == in_pieces.calls[i].arguments);
  }
  if (whole.calls.empty()) check(whole.text == text || text.find("<tool_call>") != std::string_view::npos);
  return 0;
}
