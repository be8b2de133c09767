#include "engine/encoders/qwen3_prompts.h"

namespace studio::engine {

std::optional<std::string> with_instruction(std::string_view prompt, std::string_view instruction) {
  constexpr std::string_view kBefore = "Instruct: ", kAfter = "\nQuery:";
  const size_t end = prompt.rfind(kAfter);
  if (!prompt.starts_with(kBefore) || end == std::string_view::npos || end < kBefore.size()) return std::nullopt;
  return std::string(kBefore) + std::string(instruction) + std::string(prompt.substr(end));
}

std::string rank_query(std::string_view instruction, std::string_view query) {
  return "<Instruct>: " + std::string(instruction) + "\n<Query>: " + std::string(query) + "\n<Document>:";
}

std::string rank_document(std::string_view document) {
  return " " + std::string(document);
}

std::string rank_template() {
  return std::string(kRankBefore) + rank_query(kRankInstruction, "{query}") + rank_document("{document}") +
         std::string(kRankAfter);
}

}  // namespace studio::engine
