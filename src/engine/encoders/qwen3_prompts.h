// The words that Qwen3-Embedding and Qwen3-Reranker were trained with around a text.
//
// Source: the model cards of Qwen3-Embedding-0.6B and Qwen3-Reranker-0.6B, and the former's
// config_sentence_transformers.json (read 2026-11).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace studio::engine {

inline constexpr std::string_view kRankInstruction =
    "Given a web search query, retrieve relevant passages that answer the query";

// An embedder's before a query, with the same instruction.
inline constexpr std::string_view kQueryInstruction =
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:";
// `prompt` with another instruction in it; nothing where it is not of that form, and takes none.
std::optional<std::string> with_instruction(std::string_view prompt, std::string_view instruction);

// A pair that is ranked: kRankBefore, the query's part, the document's, kRankAfter. What the first and the last hold of
// control tokens is meant as such; the parts are text, and no token lies across their border.
inline constexpr std::string_view kRankBefore =
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    "provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n";
inline constexpr std::string_view kRankAfter = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
std::string rank_query(std::string_view instruction, std::string_view query);
std::string rank_document(std::string_view document);
// kRankBefore to kRankAfter with {query} and {document} in their places, as GGUF files hold it under
// tokenizer.chat_template.rerank.
std::string rank_template();

}  // namespace studio::engine
