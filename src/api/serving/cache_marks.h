// The context cache as its callers see it: marks of what shall be held, and usage that tells what was.
//
// A mark, `cache_control: {"type": "ephemeral"}`, stands in every dialect that has it at the end of a part, and means
// all of the prompt up to there (engine.h says what is held, and for how long). A request with a mark tells what was
// held before and what is from now on; one without, what was found computed anyway. Source: Alibaba Cloud's pages on
// the context cache and Anthropic's on prompt caching, both read 2026-11. Threads: any.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/serving/field_tables.h"
#include "api/serving/fields.h"
#include "inference/text_model.h"

namespace studio::api {

// Whether `object` has a mark. Errors, kept by the reader: it is of another type.
bool has_cache_mark(FieldReader& object, std::vector<std::string>* ignored);
// Notes one. Errors, kept by the reader: there are more than engine::kMaxCacheMarks.
void add_cache_mark(FieldReader& object, inference::CacheMark mark, std::vector<inference::CacheMark>& marks);

// The table of the marks of objects at `path`.
void add_cache_table(const std::string& path, std::vector<FieldTable>& tables);

// prompt_tokens_details, as the original has it.
boost::json::object prompt_tokens_details(const inference::GenerationUsage& usage);

}  // namespace studio::api
