// Tasks of the native interface, as clients see them: files of texts that are worked through in the background.
//
// Each is a row of batches, which the same runner moves; what differs is what a client may see and do, and that a task
// is forgotten some time after its end. Every call of clients names the owner first: another's task is not found.
// Threads: any; calls block until they are durable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/batches.h"
#include "store/store.h"

namespace studio::store {

enum class TaskState { kPending, kRunning, kSucceeded, kFailed, kCanceled };

// On the wire: "PENDING".
std::string_view state_name(TaskState state);
std::optional<TaskState> task_state_of(std::string_view name);

// A task has succeeded where one of its lines has.
TaskState state_of(const Batch& task);
int64_t ended_at(const Batch& task);  // Unix seconds; 0: it is not over

// Times are Unix seconds and inclusive.
struct TaskQuery {
  int64_t created_from = 0, created_until = 0;
  std::optional<std::string> task_id = {}, model = {};
  std::optional<TaskState> state = {};
  int64_t limit = 0, offset = 0;  // of a page; count() leaves them aside
};

class Tasks {
 public:
  explicit Tasks(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  Result<Batch> create(Batch task);                                                 // errors: conflict
  Result<Batch> find(std::string_view owner, std::string_view task_id);             // errors: not_found
  Result<std::vector<Batch>> list(std::string_view owner, const TaskQuery& query);  // newest first
  Result<int64_t> count(std::string_view owner, const TaskQuery& query);
  Result<BatchCounts> counts(std::string_view owner);
  // Of one that waits alone. Errors: not_found; failed_precondition in any other state.
  Status cancel(std::string_view owner, std::string_view task_id, int64_t now);

  // ---- the runner
  // Those that ended before then, a few; their answers have gone already.
  Result<std::vector<Batch>> ended_before(int64_t time);
  Status forget(const Batch& task);

 private:
  const std::shared_ptr<Store> store_;
};

}  // namespace studio::store
