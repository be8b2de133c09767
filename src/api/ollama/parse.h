// The wire's JSON to calls. Pure functions of the body: any thread. Every error names the field, what is wrong with its
// value and what would be right; what is not built is unimplemented, never dropped.
#pragma once

#include <string>
#include <string_view>

#include "api/ollama/wire.h"
#include "api/serving/field_tables.h"
#include "base/result.h"

namespace studio::api::ollama {

Result<ChatCall> parse_chat(std::string_view body);
Result<CompletionCall> parse_completion(std::string_view body);
Result<VectorsCall> parse_embed(std::string_view body);
// POST /api/embeddings, the older of the two.
Result<VectorsCall> parse_old_embeddings(std::string_view body);
// The model that POST /api/show asks for.
Result<std::string> parse_show(std::string_view body);

std::vector<EndpointFields> field_tables();    // what each reads, as data
std::vector<EndpointFields> encoder_fields();  // the same of embed and embeddings

}  // namespace studio::api::ollama
