// Rows of the table of batches, which tasks are in too. Private to store.
#pragma once

#include "store/batches.h"
#include "store/sqlite.h"

namespace studio::store {

// What batch_of() reads, in its order.
#define STUDIO_SELECT_BATCHES                                                                                       \
  "SELECT sequence, batch_id, owner, endpoint, input_file_id, completion_window, metadata, title, status, errors, " \
  "output_file_id, error_file_id, lines_total, lines_completed, lines_failed, created_at, expires_at, "             \
  "in_progress_at, finalizing_at, completed_at, failed_at, expired_at, cancelling_at, cancelled_at, tokens, "       \
  "kind = 'task' FROM batches "

Batch batch_of(const Row& row);

// As create() wants it: of the kind that `batch` says, waiting to be validated.
Status insert_batch(Connection& connection, const Batch& batch);

inline Value or_null(const std::string& text) {
  return text.empty() ? Value(nullptr) : Value(std::string_view(text));
}

inline Value or_null(const std::optional<int64_t>& number) {
  return number ? Value(*number) : Value(nullptr);
}

}  // namespace studio::store
