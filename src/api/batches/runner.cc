#include "api/batches/runner.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "api/serving/stored_usage.h"
#include "base/json.h"
#include "base/log.h"
#include "base/stop_signals.h"

namespace studio::api::batches {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using store::BatchStatus;

constexpr std::chrono::milliseconds kLookEvery{1000};  // for windows that end and lines to be tried again
constexpr seconds kAfterFault{5};                      // a full disk is not asked every moment
constexpr seconds kStopPatience{5};                    // for lines that were cut; they end within a step of the engine
constexpr seconds kLongestPause{60};                   // between two tries of a line
// That are checked, and that run: as many as lines, so that each may have one, and few files are open.
constexpr size_t kBatchesAtOnce = 8;
constexpr seconds kLookForOldEvery{60};

// The server's, for the moment: no room (429, 503).
bool may_be_tried_again(int status) {
  return status == 429 || status == 503;
}

seconds pause_after(int tries) {
  return std::min(kLongestPause, seconds(1 << std::min(tries - 1, 6)));
}

store::LineAnswer answer_of(const LineOutcome& outcome, const store::Batch& batch) {
  store::LineAnswer answer{.line = outcome.call.line, .is_failed = outcome.status != 200};
  answer.text = kind_of(batch).line_of(outcome);
  if (outcome.usage) {
    answer.usage = stored_usage(*outcome.usage);
    answer.usage->is_batch = true;
  }
  return answer;
}

json::array no_input() {
  return {{{"code", "file_not_found"},
           {"message", "The input file was deleted while the batch was being made."},
           {"param", "input_file_id"},
           {"line", nullptr}}};
}

}  // namespace

Runner::Runner(const Services& services, store::Files& files, store::Batches& batches, store::Tasks& tasks,
               RunnerOptions options)
    : services_(services), files_(files), batches_(batches), tasks_(tasks), options_(std::move(options)) {
  services_.open_answers = &open_answers_;
  services_.weight_of = [](std::string_view) { return 1; };
  services_.is_background = true;
}

Runner::~Runner() {
  stop();
}

void Runner::start() {
  StopSignalsBlocked in_the_new_thread;
  thread_ = std::thread([this] { loop(); });
}

void Runner::wake() {
  std::scoped_lock lock(mailbox_->mutex);
  mailbox_->is_woken = true;
  mailbox_->changed.notify_all();
}

void Runner::stop() {
  {
    std::scoped_lock lock(mailbox_->mutex);
    mailbox_->is_stopping = true;
    mailbox_->changed.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Runner::loop() {
  bool has_more = true;
  std::unique_lock lock(mailbox_->mutex);
  while (!mailbox_->is_stopping) {
    const auto has_mail = [&] { return !mailbox_->ended.empty() || mailbox_->is_woken || mailbox_->is_stopping; };
    if (!has_more) mailbox_->changed.wait_for(lock, kLookEvery, has_mail);
    auto ended = std::exchange(mailbox_->ended, {});
    const bool is_woken = std::exchange(mailbox_->is_woken, false);
    lock.unlock();
    has_more = step(std::move(ended), is_woken);
    lock.lock();
  }
  lock.unlock();
  cut_all();
}

// Lines end by themselves once they are cut; what had come to its end is kept.
void Runner::cut_all() {
  for (auto& [sequence, work] : works_) {
    for (auto& [line, run] : work.running) run->cancel();
  }
  const auto until = Clock::now() + kStopPatience;
  while (running() > 0 && Clock::now() < until) {
    std::unique_lock lock(mailbox_->mutex);
    mailbox_->changed.wait_until(lock, until, [&] { return !mailbox_->ended.empty(); });
    auto ended = std::exchange(mailbox_->ended, {});
    lock.unlock();
    for (LineOutcome& outcome : ended) take(std::move(outcome));
  }
  for (auto& [sequence, work] : works_) record(work);
}

bool Runner::step(std::vector<LineOutcome> ended, bool is_woken) {
  for (LineOutcome& outcome : ended) take(std::move(outcome));
  for (auto& [sequence, work] : works_) record(work);
  if (is_woken) {
    Status refreshed = refresh();
    if (!refreshed.ok()) {
      log::error("batches.store_failed", {{"why", refreshed.error().message()}});
      std::this_thread::sleep_for(kLookEvery);
      wake();
    }
  }
  bool has_more = false;
  size_t validating = 0;
  std::map<std::string_view, int> tasks;  // of each key, the oldest first
  for (auto& [sequence, work] : works_) {
    const bool must_wait = work.batch.is_task && ++tasks[work.batch.owner] > kTasksAtOnce;
    if (must_wait && work.batch.status == BatchStatus::kValidating && now() < work.batch.expires_at) continue;
    if (Clock::now() < work.not_before) continue;
    if (work.batch.status == BatchStatus::kValidating && ++validating > kBatchesAtOnce) continue;
    has_more |= move(work);
  }
  // Where one ended, a task that waited may begin.
  has_more |= std::erase_if(works_, [](const auto& entry) { return store::is_over(entry.second.batch.status); }) > 0;
  if (may_have_old_answers_) {
    auto dropped = batches_.drop_old_answers();
    may_have_old_answers_ = dropped.ok() && *dropped;
  }
  Status forgotten = forget_old();
  if (!forgotten.ok()) log::error("batches.store_failed", {{"why", forgotten.error().message()}});
  return feed() || has_more || may_have_old_answers_;
}

// ---- what came of lines

void Runner::take(LineOutcome outcome) {
  const auto found =
      std::ranges::find(works_, outcome.call.batch_id, [](const auto& entry) { return entry.second.batch.batch_id; });
  if (found == works_.end()) return;
  Work& work = found->second;
  const auto run = work.running.find(outcome.call.line);
  const bool was_cut = run != work.running.end() && run->second->gone();
  if (run != work.running.end()) work.running.erase(run);
  if (outcome.status != 200 && was_cut) return take_cut(work, outcome);
  if (may_be_tried_again(outcome.status)) {
    const auto pause = pause_after(outcome.call.tries++);
    work.retries.push_back({std::move(outcome.call), Clock::now() + pause});
    return;
  }
  work.to_record.push_back(answer_of(outcome, work.batch));
}

// A line whose batch ends keeps what was computed for it; one that the server's stop cut is run again.
void Runner::take_cut(Work& work, const LineOutcome& outcome) {
  const bool is_ending = work.batch.status == BatchStatus::kCancelling || now() >= work.batch.expires_at;
  if (!is_ending || !outcome.usage || outcome.usage->completion_tokens == 0) return;
  store::LineAnswer cut = answer_of(outcome, work.batch);
  cut.is_cut = true;
  work.to_record.push_back(std::move(cut));
}

void Runner::record(Work& work) {
  if (work.to_record.empty() || Clock::now() < work.not_before) return;
  Status recorded = batches_.record_answers(work.batch.batch_id, work.to_record);
  if (!recorded.ok()) return note_fault(work, recorded.error());
  for (const store::LineAnswer& answer : work.to_record) {
    if (!answer.is_cut) work.answered.insert(answer.line);
  }
  work.to_record.clear();
}

void Runner::note_fault(Work& work, const Error& error) {
  work.not_before = Clock::now() + kAfterFault;
  log::error("batches.store_failed",
             {{"batch_id", work.batch.batch_id}, {"why", error.message()}, {"detail", error.detail().text}});
}

// ---- how batches move

Status Runner::refresh() {
  STUDIO_TRY(auto open, batches_.open_batches());
  for (store::Batch& batch : open) {
    const auto found = works_.find(batch.sequence);
    if (found == works_.end()) {
      works_[batch.sequence].batch = std::move(batch);
    } else if (batch.status == BatchStatus::kCancelling) {
      found->second.batch.status = BatchStatus::kCancelling;
    }
  }
  return Ok{};
}

// One step of it. True: another may follow at once.
bool Runner::move(Work& work) {
  const BatchStatus before = work.batch.status;
  if (before == BatchStatus::kInProgress || before == BatchStatus::kCancelling) return move_running(work);
  const bool is_late = before == BatchStatus::kValidating && now() >= work.batch.expires_at;
  Status moved = is_late                              ? end(work, BatchStatus::kExpired)
                 : before == BatchStatus::kFinalizing ? end(work, BatchStatus::kCompleted)
                                                      : validate(work);
  if (!moved.ok()) note_fault(work, moved.error());
  return moved.ok() && !store::is_over(work.batch.status);
}

Status Runner::fail(Work& work, const json::array& errors) {
  STUDIO_CHECK_OK(batches_.fail(work.batch.batch_id, to_json(errors), now()));
  log::info("batch.over", {{"batch_id", work.batch.batch_id}, {"end", "failed"}});
  work.batch.status = BatchStatus::kFailed;
  // It may be on its way to be cancelled instead: then the store has kept that.
  wake();
  return Ok{};
}

Status Runner::validate(Work& work) {
  store::Batch& batch = work.batch;
  if (!work.check) {
    const auto input = files_.find(batch.owner, batch.input_file_id);
    // It was deleted while the batch was being made; no later look would find it.
    if (!input.ok() && input.error().code() == Code::kNotFound) return fail(work, no_input());
    if (!input.ok()) return input.error();
    STUDIO_TRY(auto bytes, files_.read(*input));
    work.check = kind_of(batch).check(InputLines(std::move(bytes)), batch, *services_.models);
  }
  STUDIO_TRY(const bool is_done, work.check->step());
  if (!is_done) return Ok{};
  if (!work.check->errors().empty()) return fail(work, work.check->errors());
  STUDIO_CHECK_OK(batches_.begin_lines(batch.batch_id, work.check->lines(), now()));
  STUDIO_TRY(const store::Batch stored, batches_.reload(batch));
  batch = stored;
  work.check.reset();
  return Ok{};
}

Status Runner::open_lines(Work& work) {
  if (work.lines) return Ok{};
  STUDIO_TRY(const auto answered, batches_.answered_lines(work.batch.batch_id));
  STUDIO_TRY(const auto input, files_.find(work.batch.owner, work.batch.input_file_id));
  STUDIO_TRY(auto bytes, files_.read(input));
  work.answered.insert(answered.begin(), answered.end());
  work.lines.emplace(std::move(bytes));
  return Ok{};
}

bool Runner::move_running(Work& work) {
  const bool is_cancelling = work.batch.status == BatchStatus::kCancelling;
  const bool is_late = !is_cancelling && now() >= work.batch.expires_at;
  if (is_cancelling || is_late) {
    for (auto& [line, run] : work.running) run->cancel();
  }
  if (!work.running.empty() || !work.to_record.empty()) return false;
  Status moved = Ok{};
  if (is_cancelling || is_late) {
    moved = end(work, is_cancelling ? BatchStatus::kCancelled : BatchStatus::kExpired);
  } else if (work.is_read_out && work.retries.empty()) {
    moved = batches_.begin_finalizing(work.batch.batch_id, now());
    // A cancel may have come first; then the next look finds that.
    if (moved.ok()) work.batch.status = BatchStatus::kFinalizing;
    wake();
  } else {
    return false;
  }
  if (!moved.ok()) note_fault(work, moved.error());
  return moved.ok() && !store::is_over(work.batch.status);
}

Status Runner::end(Work& work, BatchStatus last) {
  STUDIO_TRY(store::Batch batch, batches_.reload(work.batch));
  if (last == BatchStatus::kCompleted && batch.status == BatchStatus::kCancelling) last = BatchStatus::kCancelled;
  STUDIO_TRY(const OutputFiles written,
             kind_of(batch).write_output(files_, batches_, batch, last == BatchStatus::kExpired));
  STUDIO_CHECK_OK(batches_.finish(batch.batch_id, last, written.output, written.errors, written.unanswered, now()));
  log::info("batch.over", {{"batch_id", batch.batch_id}, {"end", std::string(store::status_name(last))}});
  work.batch.status = last;
  may_have_old_answers_ = true;
  return Ok{};
}

Status Runner::forget_old() {
  if (may_have_old_answers_ || Clock::now() < look_for_old_at_) return Ok{};
  look_for_old_at_ = Clock::now() + kLookForOldEvery;
  STUDIO_TRY(const size_t tasks, forget_old_tasks());
  if (tasks > 0) look_for_old_at_ = Clock::now();  // there may be more
  int64_t forgotten = 0;
  do {
    STUDIO_TRY(forgotten, batches_.forget_ended_before(now() - kBatchKeptSeconds));
  } while (forgotten > 0);
  return Ok{};
}

Result<size_t> Runner::forget_old_tasks() {
  STUDIO_TRY(const auto old, tasks_.ended_before(now() - kTaskKeptSeconds));
  for (const store::Batch& task : old) {
    // The file first: a task without one is found here again, a file without a task never.
    if (!task.output_file_id.empty()) {
      Status removed = files_.remove(task.owner, task.output_file_id);
      if (!removed.ok() && removed.error().code() != Code::kNotFound) return removed.error();
    }
    STUDIO_CHECK_OK(tasks_.forget(task));
  }
  return old.size();
}

// ---- which line runs next

size_t Runner::running() const {
  size_t count = 0;
  for (const auto& [sequence, work] : works_) count += work.running.size();
  return count;
}

bool Runner::has_lines(const Work& work) const {
  if (work.batch.status != BatchStatus::kInProgress || now() >= work.batch.expires_at) return false;
  const auto time = Clock::now();
  if (time < work.not_before) return false;
  const bool has_retry =
      std::ranges::any_of(work.retries, [&](const Retry& retry) { return retry.not_before <= time; });
  return !work.is_read_out || has_retry;
}

// Every key's oldest batch comes before any key's second one.
std::vector<Runner::Work*> Runner::candidates() {
  std::map<std::string_view, size_t> seen;
  std::vector<std::tuple<size_t, int64_t, Work*>> ranked;
  for (auto& [sequence, work] : works_) {
    if (has_lines(work)) ranked.emplace_back(seen[work.batch.owner]++, sequence, &work);
  }
  std::ranges::sort(ranked);  // sequences differ, so no two works are compared
  std::vector<Work*> works;
  for (const auto& [rank, sequence, work] : ranked) {
    if (works.size() < kBatchesAtOnce) works.push_back(work);
  }
  return works;
}

Result<std::optional<LineCall>> Runner::next_call(Work& work) {
  STUDIO_CHECK_OK(open_lines(work));
  const auto time = Clock::now();
  const auto retry = std::ranges::find_if(work.retries, [&](const Retry& each) { return each.not_before <= time; });
  if (retry != work.retries.end()) {
    LineCall call = std::move(retry->call);
    work.retries.erase(retry);
    return std::optional(std::move(call));
  }
  while (!work.is_read_out) {
    STUDIO_TRY(const auto line, work.lines->next());
    work.is_read_out = !line;
    if (!line || work.answered.contains(line->number)) continue;
    // It was checked, and the file has not changed.
    STUDIO_TRY(LineCall call, kind_of(work.batch).call_of(work.batch, *line));
    return std::optional(std::move(call));
  }
  return std::optional<LineCall>();
}

// Starts lines until as many run as may. True: a batch has just run out of lines, and may move on.
bool Runner::feed() {
  bool is_out = false;
  for (size_t free = options_.lines_at_once - std::min(options_.lines_at_once, running()); free > 0;) {
    const std::vector<Work*> works = candidates();
    if (works.empty()) break;
    Work& work = *works[turn_++ % works.size()];
    auto call = next_call(work);
    if (!call.ok()) {
      note_fault(work, call.error());
    } else if (!*call) {
      is_out = true;
    } else {
      const int64_t line = (*call)->line;
      work.running[line] = LineRun::start(services_, std::move(**call), [mailbox = mailbox_](LineOutcome outcome) {
        std::scoped_lock lock(mailbox->mutex);
        mailbox->ended.push_back(std::move(outcome));
        mailbox->changed.notify_all();
      });
      --free;
    }
  }
  return is_out;
}

}  // namespace studio::api::batches
