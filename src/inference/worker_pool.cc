#include "inference/worker_pool.h"

#include <algorithm>

#include "base/log.h"

namespace studio::inference {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Verdict = WorkerStream::Notes::Verdict;

namespace {

// Sequences that a worker computes at once where it does not say.
constexpr size_t kAssumedSeats = 16;
// Until a stream that has begun knocks again at a full queue.
constexpr milliseconds kFullQueuePause{200};

}  // namespace

Error WorkerPool::refusal(milliseconds left) {
  auto minutes = std::chrono::ceil<std::chrono::minutes>(left).count();
  return Error(Code::kFailedPrecondition,
               "This request stopped the model's worker twice and is refused for " + std::to_string(minutes) +
                   (minutes == 1 ? " minute" : " minutes") +
                   ". Send a different prompt or other parameters, and report it to the operator.")
      .with_param("prompt")  // by this and its code a dialect knows it
      .with_retry_after(left);
}

bool WorkerPool::cannot_load() const {
  for (size_t i = 0; i < workers_.size(); ++i) {
    const auto& failed_loads = options.workers[i].failed_loads;
    if (workers_[i].is_up || !failed_loads || failed_loads() < options.max_failed_loads) return false;
  }
  return true;
}

Error WorkerPool::not_loadable() const {
  const auto retry = std::chrono::ceil<std::chrono::seconds>(options.load_retry);
  return Error(
             Code::kUnavailable,
             "The model '" + options.name +
                 "' cannot be loaded any more: its worker ends each time it reads the model's file, which is damaged, "
                 "changed or gone. The server's log has the reason. Its operator has to put the file back, or pull or "
                 "import the model again; it is tried every " +
                 std::to_string(retry.count()) + " seconds.")
      .with_param("model")
      .with_retry_after(retry);
}

size_t WorkerPool::Worker::seats() const {
  int told = link->info().max_sequences;
  return told > 0 ? static_cast<size_t>(told) : kAssumedSeats;
}

size_t WorkerPool::Worker::present() const {
  return static_cast<size_t>(
      std::count_if(connections.begin(), connections.end(), [](const auto& entry) { return !entry.second.is_left; }));
}

uint64_t WorkerPool::Worker::last_seated() const {
  size_t free = seats();
  for (const auto& [order, connection] : connections) {
    if (!connection.is_left && --free == 0) return order;
  }
  return UINT64_MAX;
}

bool WorkerPool::Worker::has_unproven_besides(uint64_t order) const {
  const uint64_t last = last_seated();
  return std::any_of(connections.begin(), connections.end(), [&](const auto& entry) {
    return entry.first != order && entry.first <= last && !entry.second.is_proven;
  });
}

void WorkerPool::Errands::run() {
  for (auto& [link, why] : condemned) link->condemn(why);
  for (const StreamPtr& stream : cancelled) stream->finish_cancelled();
  for (auto& [stream, error] : failed) stream->finish_with(std::move(error));
  *this = {};
}

WorkerPool::WorkerPool(WorkerClientOptions client_options) : options(std::move(client_options)) {
  for (const AdapterFile& file : options.adapters) adapters_.add(file);
  workers_.resize(options.workers.size());
  for (size_t i = 0; i < workers_.size(); ++i) {
    const WorkerEndpoint& endpoint = options.workers[i];
    WorkerLinkOptions link{options.name,  endpoint.socket_path, options.hang,
                           endpoint.kill, endpoint.pid,         [this] { return adapters_.all(); }};
    WorkerLinkEvents events{.on_up = [this, i] { on_up(i); },
                            .on_beat = [this, i](const engine::EngineStats& stats) { on_beat(i, stats); },
                            .on_down = [this, i](const std::string& why) { on_down(i, why); }};
    workers_[i].link = std::make_unique<WorkerLink>(std::move(link), std::move(events));
  }
}

void WorkerPool::start() {
  thread_ = std::thread([this] { monitor(); });
}

void WorkerPool::expect_end() {
  std::scoped_lock lock(mutex_);
  is_end_wanted_ = true;
}

void WorkerPool::stop() {
  {
    std::scoped_lock lock(mutex_);
    is_stopping_ = true;
  }
  poke();
  thread_.join();
  Errands errands;
  {
    std::scoped_lock lock(mutex_);
    errands.cancelled.assign(waiting_.begin(), waiting_.end());
    waiting_.clear();
  }
  errands.run();
  for (Worker& worker : workers_) worker.link->stop();  // what is connected comes to on_lost()
}

void WorkerPool::poke() {
  std::scoped_lock lock(mutex_);
  is_poked_ = true;
  changed_.notify_all();
}

void WorkerPool::monitor() {
  while (true) {
    for (Worker& worker : workers_) worker.link->tick(steady_clock::now());
    Errands errands;
    bool is_busy = false;
    {
      std::scoped_lock lock(mutex_);
      if (is_stopping_) return;
      is_poked_ = false;
      place_waiting(errands);
      is_busy = !waiting_.empty() || std::any_of(workers_.begin(), workers_.end(), [](auto& w) { return !w.is_up; });
    }
    errands.run();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, is_busy ? kTickWhileDown : kTickEvery, [this] { return is_poked_ || is_stopping_; });
  }
}

// ---- what the links tell

void WorkerPool::on_up(size_t index) {
  {
    std::scoped_lock lock(mutex_);
    workers_[index].is_up = true;
    last_up_ = steady_clock::now();
    was_ever_ready_ = true;
  }
  if (options.workers[index].on_up) options.workers[index].on_up();
  poke();
}

void WorkerPool::on_beat(size_t index, const engine::EngineStats& stats) {
  std::vector<std::pair<StreamPtr, std::string>> forgotten;
  {
    std::scoped_lock lock(mutex_);
    workers_[index].counted.take(stats);
    auto& connections = workers_[index].connections;
    std::erase_if(connections, [](const auto& entry) { return entry.second.pulses_since_left >= 2; });
    for (auto& [order, connection] : connections) {
      if (connection.is_left) ++connection.pulses_since_left;
      if (connection.is_lost || connection.is_left) continue;
      WorkerStream& stream = *connection.stream;
      auto fault = connection.silence.beat(stats, stream.is_taken(), stream.tokens_here());
      if (fault) forgotten.emplace_back(connection.stream, *fault);
    }
  }
  for (auto& [stream, fault] : forgotten) stream->give_up_connection(fault);
}

void WorkerPool::on_down(size_t index, const std::string& why) {
  std::vector<StreamPtr> cut;
  {
    std::scoped_lock lock(mutex_);
    Worker& worker = workers_[index];
    worker.is_up = false;
    (is_end_wanted_ ? log::info : log::error)(
        "worker.down",
        {{"model", options.name}, {"worker", index}, {"streams", worker.connections.size()}, {"why", why}});
    judge(worker, why, cut);
    for (auto& [order, connection] : worker.connections) {
      if (connection.is_left && connection.stream->notes.verdict == Verdict::kSuspect) {
        try_alone(*connection.stream, std::move(connection.ids));
      } else if (!connection.is_lost && !connection.is_left) {
        cut.push_back(connection.stream);
      }
    }
    worker.connections.clear();
    worker.end_trial();
    worker.culprit = 0;
  }
  for (const StreamPtr& stream : cut) stream->cut();
  poke();
}

// A worker stopped: who may have been the cause?
void WorkerPool::judge(Worker& worker, const std::string& why, std::vector<StreamPtr>& cut) {
  const auto now = steady_clock::now();
  const uint64_t last = worker.last_seated();
  uint64_t culprit = worker.culprit;
  if (culprit == 0 && worker.trial != 0 && !worker.has_unproven_besides(worker.trial)) culprit = worker.trial;
  const bool is_proof = culprit != 0 && culprit == worker.trial;
  for (auto& [order, connection] : worker.connections) {
    WorkerStream& stream = *connection.stream;
    const bool is_suspect = culprit != 0 ? order == culprit : order <= last;
    stream.notes.verdict = is_suspect ? Verdict::kSuspect : Verdict::kInnocent;
    if (!is_suspect) continue;
    ++stream.notes.losses;
    if (is_proof && order == worker.trial) {
      log::error("worker.request_quarantined",
                 {{"model", options.name}, {"request_id", stream.request_id()}, {"why", why}});
      quarantine(stream.fingerprint(), cut);
    } else {
      suspects_.suspect(stream.fingerprint(), stream.produced(), now);
    }
  }
}

// Those of the same request that run elsewhere are ended before they stop their workers too: they are refused when
// their turn comes.
void WorkerPool::quarantine(const Fingerprint& print, std::vector<StreamPtr>& cut) {
  suspects_.convict(print, steady_clock::now());
  for (Worker& worker : workers_) {
    if (!worker.is_up) continue;
    std::erase_if(worker.connections, [&](const auto& entry) {
      const Connection& connection = entry.second;
      if (connection.is_lost || connection.is_left || connection.stream->fingerprint() != print) return false;
      connection.stream->notes.verdict = Verdict::kInnocent;
      cut.push_back(connection.stream);
      if (worker.trial == entry.first) worker.end_trial();
      return true;
    });
  }
}

// ---- what the streams tell

void WorkerPool::on_first_token(WorkerStream& stream) {
  std::scoped_lock lock(mutex_);
  auto& connections = workers_[stream.notes.worker].connections;
  if (auto found = connections.find(stream.notes.order); found != connections.end()) found->second.is_proven = true;
}

void WorkerPool::on_passed(WorkerStream& stream) {
  std::scoped_lock lock(mutex_);
  Worker& worker = workers_[stream.notes.worker];
  if (worker.trial != stream.notes.order) return;
  suspects_.acquit(stream.fingerprint());
  worker.end_trial();
  if (stream.notes.is_ghost) stream.cancel();
  is_poked_ = true;
  changed_.notify_all();
}

void WorkerPool::on_over(WorkerStream& stream, bool is_whole) {
  std::scoped_lock lock(mutex_);
  Worker& worker = workers_[stream.notes.worker];
  auto found = worker.connections.find(stream.notes.order);
  const bool is_connected = found != worker.connections.end();
  const bool on_trial = is_connected && worker.trial == stream.notes.order;
  const bool is_suspect = on_trial || stream.notes.verdict == Verdict::kSuspect;
  if (on_trial) {
    worker.end_trial();
    is_poked_ = true;
    changed_.notify_all();
  }
  if (is_suspect && (is_whole || suspects_.is_past(stream.fingerprint(), stream.produced()))) {
    if (on_trial) suspects_.acquit(stream.fingerprint());
  } else if (is_suspect && stream.is_cancelled() && !stream.notes.is_ghost && !is_stopping_) {
    try_alone(stream, stream.ids());
  }
  if (!is_connected) return;
  if (stream.is_cancelled() && !on_trial) {
    found->second.is_left = true;
    found->second.ids = stream.ids();
  } else {
    worker.connections.erase(found);  // the stream lives on: whoever ends it holds it
  }
}

void WorkerPool::try_alone(const WorkerStream& stream, std::vector<engine::TokenId> produced) {
  if (!suspects_.is_suspect(*stream.notes.print, steady_clock::now())) return;
  TokenRequest request = stream.request();
  request.request_id += "~";
  auto& resume = request.sequence.resume;
  resume.insert(resume.end(), produced.begin(), produced.end());
  auto entry = log.open(request.request_id, request.sequence.max_new_tokens);
  if (!entry.ok()) return;  // it is tried already
  auto ghost = std::make_shared<WorkerStream>(
      weak_from_this(), std::move(request), [](const engine::TokenEvent&) {}, std::move(*entry));
  ghost->notes.arrival = ++arrivals_;
  ghost->notes.verdict = Verdict::kSuspect;
  ghost->notes.print = stream.notes.print;
  ghost->notes.losses = stream.notes.losses;
  ghost->notes.is_ghost = true;
  wait(ghost);
}

void WorkerPool::on_lost(StreamPtr stream, Loss loss) {
  Errands errands;
  {
    std::unique_lock lock(mutex_);
    if (is_stopping_) {
      lock.unlock();
      return stream->finish_cancelled();
    }
    Worker& worker = workers_[stream->notes.worker];
    auto found = worker.connections.find(stream->notes.order);
    if (found != worker.connections.end()) {
      if (!loss.was_reached) {
        if (worker.trial == stream->notes.order) worker.end_trial();
        stream->notes.verdict = Verdict::kInnocent;
        worker.connections.erase(found);
      } else {
        found->second.is_lost = true;
        if (!loss.fault.empty()) {
          worker.culprit = stream->notes.order;
          errands.condemned.emplace_back(worker.link.get(), loss.fault);
        }
      }
    }
    wait(stream);
    if (loss.is_queue_full) stream->notes.not_before = stream->notes.waits_since + kFullQueuePause;
  }
  errands.run();
  poke();
}

Result<StreamPtr> WorkerPool::take(TokenRequest request, engine::TokenSink sink) {
  {
    std::scoped_lock lock(mutex_);
    if (!was_ever_ready_) return Error(Code::kUnavailable, "The model is still being loaded.");
  }
  STUDIO_TRY(StreamLog::Entry entry, log.open(request.request_id, request.sequence.max_new_tokens));
  auto stream = std::make_shared<WorkerStream>(weak_from_this(), std::move(request), std::move(sink), std::move(entry));
  std::scoped_lock lock(mutex_);
  if (!suspects_.empty()) {
    if (auto left = suspects_.quarantined_for(stream->fingerprint(), steady_clock::now())) return refusal(*left);
  }
  if (cannot_load()) return not_loadable();
  if (waiting_.size() >= kMaxWaitingStreams) {
    return Error(Code::kOverloaded, "Too many requests wait for the model's worker to come back.")
        .with_retry_after(std::chrono::seconds(1));
  }
  stream->notes.arrival = ++arrivals_;
  const bool is_suspect = !suspects_.empty() && suspects_.is_suspect(stream->fingerprint(), steady_clock::now());
  Worker* worker = waiting_.empty() && !is_suspect ? choose(*stream, false) : nullptr;
  if (worker != nullptr) {
    connect(*worker, stream, false);
  } else {
    wait(stream);
    is_poked_ = true;
    changed_.notify_all();
  }
  return stream;
}

ModelStatus WorkerPool::status() const {
  ModelStatus status;
  std::scoped_lock lock(mutex_);
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = workers_[i];
    const int pid = options.workers[i].pid ? options.workers[i].pid() : 0;
    if (pid > 0) status.worker_pids.push_back(pid);
    add_counts(status.stats, worker.counted.total());
    engine::EngineInfo info = worker.link->info();
    if (!info.numerics_class.empty() && (status.info.numerics_class.empty() || worker.is_up)) status.info = info;
    if (!worker.is_up) continue;
    status.ready = status.ready || worker.link->is_well();
    engine::EngineStats stats = worker.link->stats();
    status.stats.running += stats.running;
    status.stats.waiting += stats.waiting;
    status.stats.pages_total += stats.pages_total;
    status.stats.pages_free += stats.pages_free;
    status.stats.pages_idle += stats.pages_idle;
    status.stats.pages_in_file += stats.pages_in_file;
    // Each worker has tenants of its own, often the same ones: told is the worker with most.
    status.stats.tenants = std::max(status.stats.tenants, stats.tenants);
    status.stats.tenant_weights = std::max(status.stats.tenant_weights, stats.tenant_weights);
    status.stats.starvation_bound_steps = std::max(status.stats.starvation_bound_steps, stats.starvation_bound_steps);
    status.stats.adapters += stats.adapters;
    status.stats.adapter_bytes += stats.adapter_bytes;
    if (stats.last_token_age_ms >= 0 &&
        (status.stats.last_token_age_ms < 0 || stats.last_token_age_ms < status.stats.last_token_age_ms)) {
      status.stats.last_token_age_ms = stats.last_token_age_ms;
    }
  }
  status.streams_resumed = resumed_;
  status.restarts = options.restart_count ? options.restart_count() : 0;
  return status;
}

bool WorkerPool::is_ready() const {
  std::scoped_lock lock(mutex_);
  return std::all_of(workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.is_up; });
}

void WorkerPool::wait_for_change(milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit);
}

}  // namespace studio::inference
