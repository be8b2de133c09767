// Batches on the wire of the OpenAI dialect: the body that makes one, and the object that tells of one.
//
// Source: the OpenAI API reference and Alibaba Cloud's "OpenAI compatible - Batch" page, both read 2026-11.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/serving/field_tables.h"
#include "base/result.h"
#include "store/batches.h"

namespace studio::api::openai {

inline constexpr int64_t kMinWindowHours = 24, kMaxWindowHours = 336;  // a day, two weeks: the vendor's own
inline constexpr size_t kMaxMetadataPairs = 16;                        // OpenAI's own limits
inline constexpr size_t kMaxMetadataKeyCharacters = 64, kMaxMetadataValueCharacters = 512;
inline constexpr size_t kMaxTitleCharacters = 100, kMaxDescriptionCharacters = 200;  // ds_name, ds_description

struct BatchCall {
  std::string input_file_id, endpoint, completion_window;
  int64_t window_seconds = 0;
  std::string metadata;  // a JSON object; empty: none
  std::string title;
  std::vector<std::string> ignored, degraded;
};

// Errors: as of every parser of this dialect. Whether the file is there is not asked here.
Result<BatchCall> parse_batch(std::string_view body);

EndpointFields batch_fields();  // what makes one, as data

boost::json::object batch_object(const store::Batch& batch);

}  // namespace studio::api::openai
