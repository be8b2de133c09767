// Tasks on the wire: how one is kept, the request that each of its texts is, and what is told of it.
//
// Source: Alibaba Cloud's pages of asynchronous tasks and of the asynchronous text embedding, and the requests of its
// SDKs (Python 1.26 and 2.0), all read 2026-11.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "api/dashscope/wire.h"
#include "base/result.h"
#include "store/batches.h"
#include "store/tasks.h"

namespace studio::api::dashscope {

inline constexpr const char* kEmbeddingPath = "/api/v1/services/embeddings/text-embedding/text-embedding";
// From its making on; the vendor's own are 3 h, which are few for 100,000 texts without its machines.
inline constexpr int64_t kTaskSeconds = 24 * 60 * 60;

// As it is stored, waiting, under the id of the request that makes it. `now` in Unix seconds.
store::Batch task_of(const EmbeddingTask& call, const std::string& owner, const std::string& request_id, int64_t now);
// A text of it as a request's body. Errors: corrupt_data where the row is not what task_of() made.
Result<std::string> body_of_text(const store::Batch& task, std::string_view text);

// The members of `output`; `result_url` is told once there is a result.
boost::json::object task_output(const store::Batch& task, const std::string& result_url);
boost::json::object task_usage(const store::Batch& task);
// An entry of the list.
boost::json::object task_entry(const store::Batch& task);

}  // namespace studio::api::dashscope
