// Where waiting streams go: the second half of worker_pool.h.
#include <algorithm>

#include "base/log.h"
#include "inference/worker_pool.h"

namespace studio::inference {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Verdict = WorkerStream::Notes::Verdict;

namespace {

// A lost connection is the first sign of a dead worker, and the end of its pulse the second. Where that does not come
// this soon, the worker lives and has dropped the stream.
constexpr milliseconds kVerdictPatience{300};
// A suspect waits this long for the others of a worker to show that they are innocent, and the others for trials to
// end; then they run beside each other, and a stop proves less.
constexpr milliseconds kTrialPatience{3'000};
// A drawn token takes about as long as so many that are read, alone on a CPU.
constexpr int kDrawnTokenCost = 16;

Error lost_too_often() {
  return Error(Code::kUnavailable, "The model's worker stopped again and again while it answered this request.");
}

}  // namespace

void WorkerPool::wait(const StreamPtr& stream) {
  const auto now = steady_clock::now();
  stream->notes.waits_since = now;
  stream->notes.give_up_at = std::min(now + options.lost_patience, stream->request().sequence.deadline);
  auto later = std::find_if(waiting_.begin(), waiting_.end(),
                            [&](const StreamPtr& other) { return other->notes.arrival > stream->notes.arrival; });
  waiting_.insert(later, stream);
}

// Suspects first, and of them those that are tried quickly: a long way to the place where the worker stopped holds up
// nobody but its like.
void WorkerPool::place_waiting(Errands& errands) {
  const auto now = steady_clock::now();
  auto work = [&](const StreamPtr& stream) {
    const bool is_tried = !suspects_.empty() && suspects_.is_suspect(stream->fingerprint(), now);
    if (!is_tried) return SIZE_MAX;
    const int known = static_cast<int>(stream->request().sequence.prompt.size()) + stream->produced();
    const int to_draw = suspects_.tokens_to_pass(stream->fingerprint(), stream->notes.losses) - stream->produced();
    return static_cast<size_t>(known + kDrawnTokenCost * std::max(to_draw, 1));
  };
  std::map<std::pair<size_t, uint64_t>, std::list<StreamPtr>::iterator> turns;
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) turns[{work(*it), (*it)->notes.arrival}] = it;
  bool suspects_wait = false;
  for (auto& [turn, it] : turns) {
    if (place(*it, suspects_wait, errands)) waiting_.erase(it);
  }
}

bool WorkerPool::place(const StreamPtr& stream, bool& suspects_wait, Errands& errands) {
  const auto now = steady_clock::now();
  WorkerStream::Notes& notes = stream->notes;
  auto fail = [&](Error error) {
    errands.failed.emplace_back(stream, std::move(error));
    return true;
  };
  if (stream->is_cancelled()) {
    errands.cancelled.push_back(stream);
    return true;
  }
  if (notes.verdict == Verdict::kPending) {
    if (now - notes.waits_since < kVerdictPatience) return false;
    Worker& worker = workers_[notes.worker];
    worker.culprit = notes.order;
    errands.condemned.emplace_back(worker.link.get(), "it dropped a stream");
    return false;
  }
  if (notes.is_ghost && !suspects_.is_suspect(stream->fingerprint(), now)) {  // a twin of it has settled the matter
    stream->cancel();
    errands.cancelled.push_back(stream);
    return true;
  }
  if (!suspects_.empty()) {
    if (auto left = suspects_.quarantined_for(stream->fingerprint(), now)) return fail(refusal(*left));
  }
  if (notes.losses >= options.max_losses) return fail(lost_too_often());
  if (cannot_load()) return fail(not_loadable());
  if (now >= notes.give_up_at) {
    return fail(Error(Code::kUnavailable, "The model's worker stopped and did not come back in time."));
  }
  if (now < notes.not_before) return false;
  const bool is_suspect = !suspects_.empty() && suspects_.is_suspect(stream->fingerprint(), now);
  // What is new would blur the trials, and waits a little for their end.
  if (suspects_wait && !is_suspect && is_patient(*stream)) return false;
  Worker* worker = choose(*stream, is_suspect);
  if (worker == nullptr) {
    suspects_wait = suspects_wait || is_suspect;
    return false;
  }
  if (notes.losses > 0) {
    ++resumed_;
    log::info("worker.stream_resumed",
              {{"model", options.name}, {"request_id", stream->request_id()}, {"on_trial", is_suspect}});
  }
  connect(*worker, stream, is_suspect);
  return true;
}

bool WorkerPool::is_patient(const WorkerStream& stream) const {
  return steady_clock::now() - std::max(stream.notes.waits_since, last_up_) < kTrialPatience;
}

// The least loaded of those that may have it; nullptr: it waits.
WorkerPool::Worker* WorkerPool::choose(WorkerStream& stream, bool is_suspect) {
  if (is_suspect && is_tried_elsewhere(stream.fingerprint())) return nullptr;
  const std::string model = stream.model();
  const bool may_wait = is_patient(stream);
  Worker* best = nullptr;
  bool all_are_up = true, any_fits = false;
  for (Worker& worker : workers_) {
    all_are_up = all_are_up && worker.is_up;
    if (!worker.is_up) continue;
    if (!model.empty()) {
      engine::EngineInfo info = worker.link->info();
      if (info.numerics_class + "/" + info.digest != model) continue;
    }
    any_fits = true;
    if (worker.trial != 0 && (is_suspect || may_wait)) continue;
    if (is_suspect && may_wait && worker.has_unproven_besides(0)) continue;
    if (best == nullptr || worker.load() < best->load()) best = &worker;
  }
  // Of another model altogether: any of them tells the stream so.
  if (best == nullptr && all_are_up && !any_fits) return &workers_.front();
  return best;
}

bool WorkerPool::is_tried_elsewhere(const Fingerprint& print) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const Worker& w) { return w.trial_print == print; });
}

void WorkerPool::connect(Worker& worker, const StreamPtr& stream, bool on_trial) {
  WorkerStream::Notes& notes = stream->notes;
  notes.worker = static_cast<size_t>(&worker - workers_.data());
  notes.order = ++orders_;
  notes.verdict = Verdict::kPending;
  Connection connection;
  connection.stream = stream;
  worker.connections.emplace(notes.order, std::move(connection));
  int pass_at = 0;
  if (on_trial) {
    worker.trial = notes.order;
    worker.trial_print = stream->fingerprint();
    pass_at = std::max(suspects_.tokens_to_pass(stream->fingerprint(), notes.losses), stream->produced() + 1);
  }
  stream->connect(worker.link->client(), worker.link->info(), pass_at);
}

}  // namespace studio::inference
