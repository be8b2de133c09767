// The wire's JSON to calls. Pure functions of the body: any thread. Every error names the field, what is wrong with its
// value and what would be right; what is not built is unimplemented, never dropped.
#pragma once

#include <string_view>

#include "api/dashscope/wire.h"
#include "api/serving/field_tables.h"
#include "base/result.h"

namespace studio::api::dashscope {

Result<GenerationCall> parse_generation(std::string_view body);
Result<TokenizerCall> parse_tokenizer(std::string_view body);
Result<EmbeddingCall> parse_embedding(std::string_view body);
Result<EmbeddingTask> parse_embedding_task(std::string_view body);  // whether the file is there is not asked here
Result<RankCall> parse_rerank(std::string_view body);

std::vector<EndpointFields> field_tables();    // what each reads, as data
std::vector<EndpointFields> encoder_fields();  // the same of text-embedding, alone and as a task, and text-rerank

}  // namespace studio::api::dashscope
