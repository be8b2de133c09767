#include "store/tasks.h"

#include <algorithm>
#include <array>

#include "store/batch_rows.h"
#include "store/writer.h"

namespace studio::store {
namespace {

constexpr const char* kNoSuchTask = "There is no such task.";
constexpr int64_t kForgottenAtOnce = 32;  // rows of one job of the writer, which others wait for

constexpr std::array<std::pair<TaskState, std::string_view>, 5> kNames = {{
    {TaskState::kPending, "PENDING"},
    {TaskState::kRunning, "RUNNING"},
    {TaskState::kSucceeded, "SUCCEEDED"},
    {TaskState::kFailed, "FAILED"},
    {TaskState::kCanceled, "CANCELED"},
}};

// What state_of() says, in SQL.
#define STUDIO_TASK_STATE                                                                             \
  "CASE WHEN status = 'validating' THEN 'PENDING' WHEN status IN ('in_progress', 'finalizing') THEN " \
  "'RUNNING' WHEN status IN ('cancelling', 'cancelled') THEN 'CANCELED' WHEN status <> 'failed' AND " \
  "lines_completed > 0 THEN 'SUCCEEDED' ELSE 'FAILED' END"

#define STUDIO_TASKS_ASKED_FOR                                                                             \
  "WHERE owner = ?1 AND kind = 'task' AND created_at BETWEEN ?2 AND ?3 AND (?4 IS NULL OR batch_id = ?4) " \
  "AND (?5 IS NULL OR title = ?5) AND (?6 IS NULL OR " STUDIO_TASK_STATE " = ?6) "

Value or_null(const std::optional<std::string>& text) {
  return text ? Value(std::string_view(*text)) : Value(nullptr);
}

Value name_or_null(const std::optional<TaskState>& state) {
  return state ? Value(state_name(*state)) : Value(nullptr);
}

Result<Batch> find_in(Connection& connection, std::string_view owner, std::string_view task_id) {
  std::optional<Batch> found;
  STUDIO_CHECK_OK(connection.query(STUDIO_SELECT_BATCHES "WHERE owner = ? AND batch_id = ? AND kind = 'task'",
                                   {owner, task_id}, [&](const Row& row) { found = batch_of(row); }));
  if (!found) return Error(Code::kNotFound, kNoSuchTask);
  return std::move(*found);
}

}  // namespace

std::string_view state_name(TaskState state) {
  return std::ranges::find(kNames, state, &decltype(kNames)::value_type::first)->second;
}

std::optional<TaskState> task_state_of(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &decltype(kNames)::value_type::second);
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

TaskState state_of(const Batch& task) {
  switch (task.status) {
    case BatchStatus::kValidating:
      return TaskState::kPending;
    case BatchStatus::kInProgress:
    case BatchStatus::kFinalizing:
      return TaskState::kRunning;
    case BatchStatus::kCancelling:
    case BatchStatus::kCancelled:
      return TaskState::kCanceled;
    case BatchStatus::kFailed:
      return TaskState::kFailed;
    case BatchStatus::kCompleted:
    case BatchStatus::kExpired:
      return task.lines_completed > 0 ? TaskState::kSucceeded : TaskState::kFailed;
  }
  return TaskState::kFailed;
}

int64_t ended_at(const Batch& task) {
  return std::max({task.completed_at, task.failed_at, task.expired_at, task.cancelled_at});
}

Result<Batch> Tasks::create(Batch task) {
  task.is_task = true;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) { return insert_batch(connection, task); }));
  return find(task.owner, task.batch_id);
}

Result<Batch> Tasks::find(std::string_view owner, std::string_view task_id) {
  Result<Batch> found = Error(Code::kNotFound, kNoSuchTask);
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(found, find_in(connection, owner, task_id));
    return Ok{};
  }));
  return found;
}

Result<std::vector<Batch>> Tasks::list(std::string_view owner, const TaskQuery& query) {
  std::vector<Batch> tasks;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(STUDIO_SELECT_BATCHES STUDIO_TASKS_ASKED_FOR "ORDER BY sequence DESC LIMIT ?7 OFFSET ?8",
                            {owner, query.created_from, query.created_until, or_null(query.task_id),
                             or_null(query.model), name_or_null(query.state), query.limit, query.offset},
                            [&](const Row& row) { tasks.push_back(batch_of(row)); });
  }));
  return tasks;
}

Result<int64_t> Tasks::count(std::string_view owner, const TaskQuery& query) {
  int64_t count = 0;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query("SELECT count(*) FROM batches " STUDIO_TASKS_ASKED_FOR,
                            {owner, query.created_from, query.created_until, or_null(query.task_id),
                             or_null(query.model), name_or_null(query.state)},
                            [&](const Row& row) { count = row.integer(0); });
  }));
  return count;
}

Result<BatchCounts> Tasks::counts(std::string_view owner) {
  BatchCounts counts;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT count(*), coalesce(sum(is_over = 0), 0) FROM batches WHERE owner = ? AND kind = 'task'", {owner},
        [&](const Row& row) { counts = {row.integer(0), row.integer(1)}; });
  }));
  return counts;
}

Status Tasks::cancel(std::string_view owner, std::string_view task_id, int64_t now) {
  return store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(const Batch task, find_in(connection, owner, task_id));
    if (task.status != BatchStatus::kValidating) {
      return Error(Code::kFailedPrecondition, "This task is " + std::string(state_name(state_of(task))) +
                                                  "; only one that is PENDING can be canceled.");
    }
    return connection.execute(
        "UPDATE batches SET status = 'cancelling', cancelling_at = ?2 WHERE batch_id = ?1 AND status = 'validating'",
        {task_id, now});
  });
}

Result<std::vector<Batch>> Tasks::ended_before(int64_t time) {
  std::vector<Batch> tasks;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(STUDIO_SELECT_BATCHES
                            "WHERE kind = 'task' AND is_over = 1 AND has_answers = 0 AND "
                            "max(completed_at, failed_at, expired_at, cancelled_at) < ? ORDER BY sequence LIMIT ?",
                            {time, kForgottenAtOnce}, [&](const Row& row) { tasks.push_back(batch_of(row)); });
  }));
  return tasks;
}

Status Tasks::forget(const Batch& task) {
  return store_->writer().run([&](Connection& connection) {
    return connection.execute("DELETE FROM batches WHERE sequence = ? AND kind = 'task' AND is_over = 1",
                              {task.sequence});
  });
}

}  // namespace studio::store
