// A file that its client deletes, at whichever dialect's door.
#pragma once

#include <string>

#include "api/kept/kept_answers.h"
#include "base/result.h"
#include "store/files.h"

namespace studio::api {

// The Idempotency-Key of the upload begins anew with it; `kept` may be null. Errors as of Files::remove().
Status remove_file(store::Files& files, KeptAnswers* kept, const std::string& owner, const std::string& file_id);

}  // namespace studio::api
