// What real clients asked for, test by test, as conformance/record.py keeps it: one line of JSON per request.
//
//   {"test", "method", "path", "fields"?, "auth", "body"?, "status", "type", "code"?, "ends"?, "cut"?}
//
// `auth` says how the key came: "bearer", "x-api-key", "wrong", "none". In a body "{model}" stands for a served model
// and
// {"$repeat": [text, count]} for a long text. `ends`: the stream had its dialect's end; `cut`: the client left before.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace studio::cli {

struct RecordedRequest {
  std::string test, method, path, auth;
  std::vector<std::string> fields;  // "name: value"
  boost::json::value body;          // null: none; a text: as it is
  long status = 0;
  std::string type, code;
  bool has_end = false, is_cut = false;
};

struct Recording {
  std::string client;
  std::vector<RecordedRequest> requests;
};

// Every *.jsonl of a folder, by name. Errors: not_found, corrupt_data with file and line.
Result<std::vector<Recording>> read_recordings(const std::string& folder);
Result<RecordedRequest> parse_recorded(std::string_view line);

// The body to send. A text as long as a stranger's file says would be unbounded: past kMaxRecordedBytes it is an error.
inline constexpr size_t kMaxRecordedBytes = 16 << 20;  // twice what the server takes, as clients try that too
Result<std::string> body_of(const RecordedRequest& request, const std::string& model);

}  // namespace studio::cli
