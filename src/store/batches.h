// Batches: files of requests that are worked through in the background, and the answer of each line, once.
//
// A batch moves along validating -> in_progress -> finalizing -> completed, with the ends failed, expired and
// cancelled (by way of cancelling). Each move names the state that it comes from, so that repeating one after a crash
// changes nothing. An answer, the usage of the request behind it and the counts of its batch are one commit.
// Calls of clients name the owner first: another's batch is not found. The rest is the runner's.
// A task of the native interface (tasks.h) is worked through as a batch is: it is one of these rows too, which clients'
// calls here do not see and the runner's do.
// Threads: any; calls block until they are durable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/files.h"
#include "store/store.h"

namespace studio::store {

enum class BatchStatus {
  kValidating,
  kInProgress,
  kFinalizing,
  kCompleted,
  kFailed,
  kExpired,
  kCancelling,
  kCancelled
};

// On disk and on the wire: "in_progress". Never reuse one.
std::string_view status_name(BatchStatus status);
std::optional<BatchStatus> batch_status_of(std::string_view name);
bool is_over(BatchStatus status);

struct Batch {
  int64_t sequence = 0;  // grows with each batch
  std::string batch_id = {};
  std::string owner = {};
  std::string endpoint = {};  // "/v1/chat/completions"
  std::string input_file_id = {};
  std::string completion_window = {};  // as it was asked for: "24h"
  std::string metadata = {};           // a JSON object; empty: none
  std::string title = {};              // what lists are searched by: ds_name of the metadata; of a task the model
  BatchStatus status = BatchStatus::kValidating;
  std::string errors = {};  // why it failed: a JSON list; empty: it did not
  std::string output_file_id = {}, error_file_id = {};
  int64_t lines_total = 0, lines_completed = 0, lines_failed = 0;
  // Unix seconds; 0: not yet.
  int64_t created_at = 0, expires_at = 0, in_progress_at = 0, finalizing_at = 0, completed_at = 0, failed_at = 0,
          expired_at = 0, cancelling_at = 0, cancelled_at = 0;
  int64_t tokens = 0;  // of its answers: prompts and completions
  bool is_task = false;
};

struct BatchCounts {
  int64_t all = 0, open = 0;  // open: not over
};

struct BatchQuery {
  std::optional<std::string> title_part = {};
  std::vector<std::string> statuses = {}, input_file_ids = {};  // empty: any
  std::optional<int64_t> created_from = {}, created_until = {};
  std::optional<int64_t> before_sequence = {};
  int64_t limit = 0;
};

struct LineAnswer {
  int64_t sequence = 0;  // the order in which lines ended; set by the store
  int64_t line = 0;      // of the input file, from 1
  bool is_failed = false;
  std::string text = {};            // the line of the output or error file, without its end
  std::optional<Usage> usage = {};  // none where the request came to no generation
  bool is_cut = false;              // by the batch's end: its usage counts, the line stays without an answer
};

class Batches {
 public:
  explicit Batches(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  // ---- clients
  Result<Batch> create(const Batch& batch);                                          // errors: conflict
  Result<Batch> find(std::string_view owner, std::string_view batch_id);             // errors: not_found
  Result<std::vector<Batch>> list(std::string_view owner, const BatchQuery& query);  // newest first
  Result<BatchCounts> counts(std::string_view owner);
  // The batch as it is then. Errors: not_found; conflict where it is over or its files are being written.
  Result<Batch> request_cancel(std::string_view owner, std::string_view batch_id, int64_t now);

  // ---- the runner: moves. A batch that is in another state than the move starts from stays as it is.
  Result<Batch> reload(const Batch& batch);   // as it is now
  Result<std::vector<Batch>> open_batches();  // those that are not over, oldest first
  Status begin_lines(std::string_view batch_id, int64_t lines_total, int64_t now);  // from validating
  Status begin_finalizing(std::string_view batch_id, int64_t now);                  // from in_progress
  Status fail(std::string_view batch_id, std::string_view errors, int64_t now);     // from validating
  // Its last state, from any that is not over, together with the rows of its files (already placed). `unanswered`
  // lines count as failed.
  Status finish(std::string_view batch_id, BatchStatus last, const std::optional<StoredFile>& output,
                const std::optional<StoredFile>& errors, int64_t unanswered, int64_t now);

  // ---- the runner: answers
  // One commit. A line that has an answer keeps it, and its usage stays the one that was stored with it.
  Status record_answers(std::string_view batch_id, std::span<const LineAnswer> answers);
  Result<std::vector<int64_t>> answered_lines(std::string_view batch_id);
  // The next ones in the order of their ends, without usage; empty: there are no more.
  Result<std::vector<LineAnswer>> answers_after(std::string_view batch_id, int64_t sequence);
  // The same in the order of lines: those behind `line`.
  Result<std::vector<LineAnswer>> answers_behind_line(std::string_view batch_id, int64_t line);
  // Some answers of batches that are over, whose files hold them now. False: there are none left.
  Result<bool> drop_old_answers();
  // Some of those that ended before then, whose answers have gone already; their files stay. How many.
  Result<int64_t> forget_ended_before(int64_t time);

 private:
  const std::shared_ptr<Store> store_;
};

}  // namespace studio::store
