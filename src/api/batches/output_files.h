// A batch's output and error files, made of the answers in the store. Made again after a crash they are the same.
#pragma once

#include <optional>

#include "base/result.h"
#include "store/batches.h"
#include "store/files.h"

namespace studio::api::batches {

struct OutputFiles {
  std::optional<store::StoredFile> output, errors;  // placed, without rows; none where it would be empty
  int64_t unanswered = 0;                           // lines of the error file that never ran
};

// `is_expired`: lines without an answer go into the error file as batch_expired. Blocks for the disk.
Result<OutputFiles> write_output(store::Files& files, store::Batches& batches, const store::Batch& batch,
                                 bool is_expired);

}  // namespace studio::api::batches
