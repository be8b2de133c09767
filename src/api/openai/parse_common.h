// Parts of requests that several endpoints share.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "api/openai/wire.h"
#include "api/serving/field_tables.h"
#include "api/serving/fields.h"

namespace studio::api::openai {

// The fields that read_generate() and the endpoints' own logprobs read.
inline constexpr FieldRule kGenerateRules[] = {
    {"model"},
    {"stream"},
    {"stream_options"},
    {"temperature"},
    {"top_p"},
    {"top_k"},
    {"min_p"},
    {"presence_penalty"},
    {"frequency_penalty"},
    {"repetition_penalty"},
    {"logit_bias"},
    {"seed"},
    {"stop"},
    {"n"},
    {"max_tokens"},
    {"ignore_eos"},
    {"logprobs"},
    {"allow_degraded"},
    {"user", FieldUse::kNoEffect, "a text"},
};

inline constexpr const char* kListedAt = "GET /v1/models";

// model, stream, sampling, limits, stop: everything of GenerateCall but logprobs, which the endpoints spell
// differently.
void read_generate(FieldReader& reader, GenerateCall& call, int64_t least_tokens = 1);
// The tables of objects inside: of stream_options, of messages and their parts.
void add_common_tables(std::vector<FieldTable>& tables);
void add_message_tables(std::vector<FieldTable>& tables);
// `messages` into the prompt.
void read_messages(FieldReader& reader, inference::ChatPrompt& prompt, std::vector<std::string>* ignored);

}  // namespace studio::api::openai
