// One file over HTTP, whatever happens on the way: cuts are resumed, changed files start anew, redirects stay honest.
//
// https stays https through every redirect; http is taken only where the address was given as http. Unless
// `allow_private`, no connection is made to loopback, private or link-local addresses, whatever a name or a redirect
// resolves to. A bearer token is never sent to another host than the first. Bodies are taken as they are, never
// decompressed. Threads: each call is its own; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "catalogue/partial_file.h"

namespace studio::catalogue {

struct FetchRequest {
  std::string url;
  std::string bearer;                             // empty: none
  bool allow_private = false;                     // the user named this very host
  int64_t expected_bytes = 0;                     // 0: unknown; another length is an error
  std::chrono::milliseconds first_answer{4'000};  // to the first line of the answer; later waits may be longer
};

// Ok when the whole file is in `file`. Errors: unavailable (no answer, or cut again and again without getting on),
// not_found, permission_denied, corrupt_data (another length than expected), failed_precondition (disk full).
Status fetch(const FetchRequest& request, PartialFile& file,
             const std::function<void(int64_t done, int64_t total)>& on_bytes);

// Asks for the headers alone, redirects not followed. Ok when anything answered as a web server does.
Result<Validators> probe(const FetchRequest& request);

}  // namespace studio::catalogue
