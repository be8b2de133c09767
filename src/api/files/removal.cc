#include "api/files/removal.h"

#include "api/files/file_rules.h"

namespace studio::api {

Status remove_file(store::Files& files, KeptAnswers* kept, const std::string& owner, const std::string& file_id) {
  STUDIO_TRY(const store::StoredFile file, files.find(owner, file_id));
  STUDIO_CHECK_OK(files.remove(owner, file_id));
  // What a batch wrote bears the batch's own number, whose key names the batch for as long as that is there.
  const bool is_upload = file.purpose != kPurposeOutput && file.purpose != kPurposeTaskOutput;
  const std::string request_id = is_upload ? request_of_file(file_id) : std::string();
  if (kept && !request_id.empty()) kept->drop(request_id);
  return Ok{};
}

}  // namespace studio::api
