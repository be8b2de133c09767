#include "store/batches.h"

#include <algorithm>
#include <array>

#include "store/batch_rows.h"
#include "store/file_rows.h"
#include "store/usage_rows.h"
#include "store/writer.h"

namespace studio::store {
namespace {

// Rows read or dropped in one job of the writer, which others wait for: some milliseconds.
constexpr int64_t kAnswersAtOnce = 32;

// Rows without answers: the same time.
constexpr int64_t kForgottenAtOnce = 512;

constexpr const char* kNoSuchBatch = "There is no such batch.";

constexpr std::array<std::pair<BatchStatus, std::string_view>, 8> kNames = {{
    {BatchStatus::kValidating, "validating"},
    {BatchStatus::kInProgress, "in_progress"},
    {BatchStatus::kFinalizing, "finalizing"},
    {BatchStatus::kCompleted, "completed"},
    {BatchStatus::kFailed, "failed"},
    {BatchStatus::kExpired, "expired"},
    {BatchStatus::kCancelling, "cancelling"},
    {BatchStatus::kCancelled, "cancelled"},
}};

Result<Batch> find_in(Connection& connection, std::string_view owner, std::string_view batch_id) {
  std::optional<Batch> found;
  STUDIO_CHECK_OK(connection.query(STUDIO_SELECT_BATCHES "WHERE owner = ? AND batch_id = ? AND kind = 'batch'",
                                   {owner, batch_id}, [&](const Row& row) { found = batch_of(row); }));
  if (!found) return Error(Code::kNotFound, kNoSuchBatch);
  return std::move(*found);
}

// A list as one text that instr() searches: "|a|b|". Ids and states hold no bar. Empty: null, for any.
std::string barred(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "|" : "") + word + "|";
  return text;
}

Status record_answer(Connection& connection, std::string_view batch_id, const LineAnswer& answer) {
  if (answer.is_cut) return answer.usage ? insert_usage(connection, *answer.usage) : Status(Ok{});
  STUDIO_CHECK_OK(connection.execute(
      "INSERT INTO batch_answers (batch_id, line, is_failed, answer) SELECT batch_id, ?2, ?3, ?4 FROM batches "
      "WHERE batch_id = ?1 AND is_over = 0 ON CONFLICT (batch_id, line) DO NOTHING",
      {batch_id, answer.line, int64_t{answer.is_failed}, std::string_view(answer.text)}));
  if (connection.changed_rows() == 0) return Ok{};
  STUDIO_CHECK_OK(
      connection.execute("UPDATE batches SET lines_completed = lines_completed + ?2, lines_failed = lines_failed + ?3, "
                         "tokens = tokens + ?4 WHERE batch_id = ?1",
                         {batch_id, int64_t{!answer.is_failed}, int64_t{answer.is_failed},
                          answer.usage ? answer.usage->prompt_tokens + answer.usage->completion_tokens : 0}));
  return answer.usage ? insert_usage(connection, *answer.usage) : Status(Ok{});
}

LineAnswer answer_of(const Row& row) {
  return {.sequence = row.integer(0), .line = row.integer(1), .is_failed = row.integer(2) != 0, .text = row.text(3)};
}

}  // namespace

std::string_view status_name(BatchStatus status) {
  return std::ranges::find(kNames, status, &decltype(kNames)::value_type::first)->second;
}

std::optional<BatchStatus> batch_status_of(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &decltype(kNames)::value_type::second);
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

bool is_over(BatchStatus status) {
  return status == BatchStatus::kCompleted || status == BatchStatus::kFailed || status == BatchStatus::kExpired ||
         status == BatchStatus::kCancelled;
}

// ---- clients

Result<Batch> Batches::create(const Batch& batch) {
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) { return insert_batch(connection, batch); }));
  return find(batch.owner, batch.batch_id);
}

Result<Batch> Batches::find(std::string_view owner, std::string_view batch_id) {
  Result<Batch> found = Error(Code::kNotFound, kNoSuchBatch);
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(found, find_in(connection, owner, batch_id));
    return Ok{};
  }));
  return found;
}

Result<std::vector<Batch>> Batches::list(std::string_view owner, const BatchQuery& query) {
  std::vector<Batch> batches;
  const std::string statuses = barred(query.statuses), inputs = barred(query.input_file_ids);
  const std::string title = query.title_part.value_or("");
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        STUDIO_SELECT_BATCHES
        "WHERE owner = ?1 AND kind = 'batch' AND (?2 IS NULL OR instr(title, ?2) > 0) AND (?3 IS NULL OR instr(?3, '|' "
        "|| status || '|') "
        "> 0) "
        "AND (?4 IS NULL OR instr(?4, '|' || input_file_id || '|') > 0) AND (?5 IS NULL OR created_at >= ?5) "
        "AND (?6 IS NULL OR created_at <= ?6) AND (?7 IS NULL OR sequence < ?7) ORDER BY sequence DESC LIMIT ?8",
        {owner, or_null(title), or_null(statuses), or_null(inputs), or_null(query.created_from),
         or_null(query.created_until), or_null(query.before_sequence), query.limit},
        [&](const Row& row) { batches.push_back(batch_of(row)); });
  }));
  return batches;
}

Result<BatchCounts> Batches::counts(std::string_view owner) {
  BatchCounts counts;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT count(*), coalesce(sum(is_over = 0), 0) FROM batches WHERE owner = ? AND kind = 'batch'", {owner},
        [&](const Row& row) { counts = {row.integer(0), row.integer(1)}; });
  }));
  return counts;
}

Result<Batch> Batches::request_cancel(std::string_view owner, std::string_view batch_id, int64_t now) {
  Result<Batch> found = Error(Code::kNotFound, kNoSuchBatch);
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(Batch before, find_in(connection, owner, batch_id));
    const bool may_be = before.status == BatchStatus::kValidating || before.status == BatchStatus::kInProgress ||
                        before.status == BatchStatus::kCancelling;
    if (!may_be) {
      return Error(Code::kConflict,
                   "This batch is " + std::string(status_name(before.status)) + "; it cannot be cancelled any more.");
    }
    STUDIO_CHECK_OK(connection.execute(
        "UPDATE batches SET status = 'cancelling', cancelling_at = ? WHERE batch_id = ? AND status <> 'cancelling'",
        {now, batch_id}));
    STUDIO_TRY(found, find_in(connection, owner, batch_id));
    return Ok{};
  }));
  return found;
}

// ---- moves

Result<Batch> Batches::reload(const Batch& batch) {
  std::optional<Batch> found;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(STUDIO_SELECT_BATCHES "WHERE sequence = ?", {batch.sequence},
                            [&](const Row& row) { found = batch_of(row); });
  }));
  if (!found) return Error(Code::kNotFound, kNoSuchBatch);
  return std::move(*found);
}

Result<std::vector<Batch>> Batches::open_batches() {
  std::vector<Batch> batches;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(STUDIO_SELECT_BATCHES "WHERE is_over = 0 ORDER BY sequence", {},
                            [&](const Row& row) { batches.push_back(batch_of(row)); });
  }));
  return batches;
}

Status Batches::begin_lines(std::string_view batch_id, int64_t lines_total, int64_t now) {
  return store_->writer().run([&](Connection& connection) {
    return connection.execute(
        "UPDATE batches SET status = 'in_progress', lines_total = ?2, in_progress_at = ?3 "
        "WHERE batch_id = ?1 AND status = 'validating'",
        {batch_id, lines_total, now});
  });
}

Status Batches::begin_finalizing(std::string_view batch_id, int64_t now) {
  return store_->writer().run([&](Connection& connection) {
    return connection.execute(
        "UPDATE batches SET status = 'finalizing', finalizing_at = ?2 WHERE batch_id = ?1 AND status = 'in_progress'",
        {batch_id, now});
  });
}

Status Batches::fail(std::string_view batch_id, std::string_view errors, int64_t now) {
  return store_->writer().run([&](Connection& connection) {
    return connection.execute(
        "UPDATE batches SET status = 'failed', is_over = 1, errors = ?2, failed_at = ?3 "
        "WHERE batch_id = ?1 AND status = 'validating'",
        {batch_id, errors, now});
  });
}

Status Batches::finish(std::string_view batch_id, BatchStatus last, const std::optional<StoredFile>& output,
                       const std::optional<StoredFile>& errors, int64_t unanswered, int64_t now) {
  return store_->writer().run([&](Connection& connection) -> Status {
    const std::string output_id = output ? output->file_id : "", error_id = errors ? errors->file_id : "";
    STUDIO_CHECK_OK(connection.execute(
        "UPDATE batches SET status = ?2, is_over = 1, output_file_id = ?3, error_file_id = ?4, "
        "lines_failed = lines_failed + ?5, "
        "completed_at = CASE ?2 WHEN 'completed' THEN ?6 ELSE completed_at END, "
        "expired_at = CASE ?2 WHEN 'expired' THEN ?6 ELSE expired_at END, "
        "cancelled_at = CASE ?2 WHEN 'cancelled' THEN ?6 ELSE cancelled_at END WHERE batch_id = ?1 AND is_over = 0",
        {batch_id, status_name(last), std::string_view(output_id), std::string_view(error_id), unanswered, now}));
    if (connection.changed_rows() == 0) return Ok{};
    if (output) STUDIO_CHECK_OK(insert_file(connection, *output));
    if (errors) STUDIO_CHECK_OK(insert_file(connection, *errors));
    return Ok{};
  });
}

// ---- answers

Status Batches::record_answers(std::string_view batch_id, std::span<const LineAnswer> answers) {
  return store_->writer().run([&](Connection& connection) -> Status {
    for (const LineAnswer& answer : answers) STUDIO_CHECK_OK(record_answer(connection, batch_id, answer));
    return Ok{};
  });
}

Result<std::vector<int64_t>> Batches::answered_lines(std::string_view batch_id) {
  std::vector<int64_t> lines;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query("SELECT line FROM batch_answers WHERE batch_id = ?", {batch_id},
                            [&](const Row& row) { lines.push_back(row.integer(0)); });
  }));
  return lines;
}

Result<std::vector<LineAnswer>> Batches::answers_after(std::string_view batch_id, int64_t sequence) {
  std::vector<LineAnswer> answers;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT sequence, line, is_failed, answer FROM batch_answers WHERE batch_id = ? AND sequence > ? "
        "ORDER BY sequence LIMIT ?",
        {batch_id, sequence, kAnswersAtOnce}, [&](const Row& row) { answers.push_back(answer_of(row)); });
  }));
  return answers;
}

Result<std::vector<LineAnswer>> Batches::answers_behind_line(std::string_view batch_id, int64_t line) {
  std::vector<LineAnswer> answers;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT sequence, line, is_failed, answer FROM batch_answers WHERE batch_id = ? AND line > ? "
        "ORDER BY line LIMIT ?",
        {batch_id, line, kAnswersAtOnce}, [&](const Row& row) { answers.push_back(answer_of(row)); });
  }));
  return answers;
}

Result<bool> Batches::drop_old_answers() {
  int64_t dropped = 0;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(connection.execute(
        "DELETE FROM batch_answers WHERE sequence IN (SELECT a.sequence FROM batches AS b JOIN batch_answers AS a "
        "ON a.batch_id = b.batch_id WHERE b.is_over = 1 AND b.has_answers = 1 LIMIT ?)",
        {kAnswersAtOnce}));
    dropped = connection.changed_rows();
    if (dropped > 0) return Ok{};
    return connection.execute("UPDATE batches SET has_answers = 0 WHERE is_over = 1 AND has_answers = 1");
  }));
  return dropped > 0;
}

Result<int64_t> Batches::forget_ended_before(int64_t time) {
  int64_t forgotten = 0;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(connection.execute(
        "DELETE FROM batches WHERE sequence IN (SELECT sequence FROM batches WHERE kind = 'batch' AND is_over = 1 AND "
        "has_answers = 0 AND max(completed_at, failed_at, expired_at, cancelled_at) < ? LIMIT ?)",
        {time, kForgottenAtOnce}));
    forgotten = connection.changed_rows();
    return Ok{};
  }));
  return forgotten;
}

// ---- rows

Batch batch_of(const Row& row) {
  return {.sequence = row.integer(0),
          .batch_id = row.text(1),
          .owner = row.text(2),
          .endpoint = row.text(3),
          .input_file_id = row.text(4),
          .completion_window = row.text(5),
          .metadata = row.text(6),
          .title = row.text(7),
          .status = batch_status_of(row.text(8)).value_or(BatchStatus::kFailed),  // the schema's CHECK allows no other
          .errors = row.text(9),
          .output_file_id = row.text(10),
          .error_file_id = row.text(11),
          .lines_total = row.integer(12),
          .lines_completed = row.integer(13),
          .lines_failed = row.integer(14),
          .created_at = row.integer(15),
          .expires_at = row.integer(16),
          .in_progress_at = row.integer(17),
          .finalizing_at = row.integer(18),
          .completed_at = row.integer(19),
          .failed_at = row.integer(20),
          .expired_at = row.integer(21),
          .cancelling_at = row.integer(22),
          .cancelled_at = row.integer(23),
          .tokens = row.integer(24),
          .is_task = row.integer(25) != 0};
}

Status insert_batch(Connection& connection, const Batch& batch) {
  return connection.execute(
      "INSERT INTO batches (batch_id, owner, endpoint, input_file_id, completion_window, metadata, title, created_at, "
      "expires_at, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {std::string_view(batch.batch_id), std::string_view(batch.owner), std::string_view(batch.endpoint),
       std::string_view(batch.input_file_id), std::string_view(batch.completion_window),
       std::string_view(batch.metadata), std::string_view(batch.title), batch.created_at, batch.expires_at,
       std::string_view(batch.is_task ? "task" : "batch")});
}

}  // namespace studio::store
