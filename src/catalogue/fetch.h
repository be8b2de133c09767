// One file over HTTP, whatever happens on the way: cuts are resumed, changed files start anew, redirects stay honest
// (http_request.h). Threads: each call is its own; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "catalogue/http_request.h"
#include "catalogue/partial_file.h"

namespace studio::catalogue {

// What a server may ask us to wait (Retry-After) before it is left for another source: longer than a rate limit of
// requests a minute is spread over, shorter than people sit and watch.
inline constexpr std::chrono::seconds kMaxRetryAfter{10};

// Ok when the whole file is in `file`. Errors: unavailable (no answer, or cut again and again without getting on),
// not_found, permission_denied, corrupt_data (another length than expected), failed_precondition (disk full).
Status fetch(const FetchRequest& request, PartialFile& file,
             const std::function<void(int64_t done, int64_t total)>& on_bytes);

}  // namespace studio::catalogue
