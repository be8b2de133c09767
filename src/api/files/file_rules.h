// What may be uploaded: purposes, with their ids, sizes and types, and what a key may have in all.
//
// Source: Alibaba Cloud's "OpenAI compatible - File" and "Model customization - File management" pages, read 2026-11.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/files.h"

namespace studio::api {

inline constexpr int64_t kMaxBatchFileBytes = 500ll << 20;  // the vendor's own limits, as all of these
inline constexpr int64_t kMaxExtractFileBytes = 150ll << 20;
inline constexpr int64_t kMaxExtractImageBytes = 20ll << 20;
inline constexpr int64_t kMaxTuningFileBytes = 1ll << 30;
inline constexpr store::FileTotals kMostOfKey = {.files = 10'000, .bytes = 100ll << 30};  // uploads on their way too

inline constexpr const char* kPurposeBatch = "batch";
inline constexpr const char* kPurposeExtract = "file-extract";
inline constexpr const char* kPurposeTuning = "fine-tune";
inline constexpr const char* kPurposeOutput = "batch_output";     // made by a batch, never uploaded
inline constexpr const char* kPurposeTaskOutput = "task_output";  // by a task of the native interface

// The id of the file that a request brings: "file-batch-<uuid>", "file-fe-<uuid>", a bare UUID for the rest, the UUID
// being the request's. `number` is the file's place in its form; from 1 on it stands behind: "<uuid>-1".
std::string file_id_of(std::string_view purpose, const std::string& request_id, size_t number = 0);
// The request that brought it; empty where the id is none of the above.
std::string request_of_file(std::string_view file_id);

// Errors: out_of_range (no such purpose), payload_too_large, invalid_argument (a type that nothing is read from).
Status check_upload(std::string_view purpose, std::string_view name, int64_t size_bytes);

}  // namespace studio::api
