// The wire's JSON to calls. Pure functions of the body: any thread. Every error names the field, what is wrong with its
// value and what would be right; what is not built is unimplemented, never dropped.
#pragma once

#include <string_view>

#include "api/openai/wire.h"
#include "api/serving/field_tables.h"
#include "base/result.h"

namespace studio::api::openai {

Result<ChatCall> parse_chat(std::string_view body);
Result<CompletionCall> parse_completion(std::string_view body);
Result<TokenizeCall> parse_tokenize(std::string_view body);
Result<EmbeddingsCall> parse_embeddings(std::string_view body);
Result<RankCall> parse_reranks(std::string_view body);

// What each reads, as data.
EndpointFields chat_fields();
EndpointFields completion_fields();
EndpointFields tokenize_fields();
std::vector<EndpointFields> encoder_fields();  // embeddings, reranks

}  // namespace studio::api::openai
