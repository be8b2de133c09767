#include "inference/encoder_client.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "inference/encoder_protocol.h"
#include "inference/token_protocol.h"

namespace studio::inference {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// A connection that breaks is mostly the first sign of a worker's death, before its pulse ends; whether it lives is
// known by then.
constexpr milliseconds kSameLifePause{1'000};

}  // namespace

struct EncoderClient::Asked {
  std::string request_id;
  size_t texts = 0;
  steady_clock::time_point deadline, waits_since;
  EncodeRequest request;  // kept to be sent once more

  // Guarded by the client's mutex.
  EncodedSink done;          // empty: it has ended
  Worker* worker = nullptr;  // that computes it; nullptr: it waits
  std::shared_ptr<http::Call> call;
  int attempt = 0;  // an answer to an earlier one says nothing
  int losses = 0;
  const Worker* lost_at = nullptr;  // last, and in which of its lives
  uint64_t lost_life = 0;
};

struct EncoderClient::Answer {
  bool was_reached = false;
  int status = 0;
  std::string body;
};

// `was_reached`: the worker had the request, so that it may have been the cause.
struct EncoderClient::Loss {
  bool was_reached = true;
  std::string why;
};

class EncoderClient::Held final : public Handle {
 public:
  Held(EncoderClient& client, AskedPtr asked) : client_(client), asked_(std::move(asked)) {}
  ~Held() override { client_.cancel(asked_); }

 private:
  EncoderClient& client_;
  AskedPtr asked_;
};

EncoderClient::EncoderClient(WorkerClientOptions options) : options_(std::move(options)) {
  workers_.resize(options_.workers.size());
  for (size_t i = 0; i < workers_.size(); ++i) {
    const WorkerEndpoint& endpoint = options_.workers[i];
    WorkerLinkOptions link{options_.name, endpoint.socket_path, options_.hang, endpoint.kill, endpoint.pid, nullptr};
    WorkerLinkEvents events{.on_up = [this, i] { on_up(i); },
                            .on_beat =
                                [this, i](const engine::EngineStats& stats) {
                                  std::scoped_lock lock(mutex_);
                                  workers_[i].counted.take(stats);
                                },
                            .on_down = [this, i](const std::string& why) { on_down(i, why); }};
    workers_[i].link = std::make_unique<WorkerLink>(std::move(link), std::move(events));
  }
  thread_ = std::thread([this] { monitor(); });
}

EncoderClient::~EncoderClient() {
  std::vector<AskedPtr> left;
  {
    std::scoped_lock lock(mutex_);
    is_stopping_ = is_poked_ = true;
    left.assign(waiting_.begin(), waiting_.end());
    for (const Worker& worker : workers_) left.insert(left.end(), worker.running.begin(), worker.running.end());
  }
  changed_.notify_all();
  thread_.join();
  for (const AskedPtr& asked : left) finish(asked, Error(Code::kCancelled, "The server is stopping."));
  for (Worker& worker : workers_) worker.link->stop();
}

void EncoderClient::monitor() {
  while (true) {
    for (Worker& worker : workers_) worker.link->tick(steady_clock::now());
    std::vector<std::pair<AskedPtr, Error>> failed;
    std::vector<AskedPtr> sent;
    bool is_busy = false;
    {
      std::scoped_lock lock(mutex_);
      if (is_stopping_) return;
      is_poked_ = false;
      const std::list<AskedPtr> before = waiting_;
      place_waiting(failed);
      for (const AskedPtr& asked : before) {
        if (asked->worker != nullptr) sent.push_back(asked);
      }
      is_busy = !waiting_.empty() || std::ranges::any_of(workers_, [](const Worker& worker) { return !worker.is_up; });
    }
    for (const AskedPtr& asked : sent) send(asked);
    for (auto& [asked, error] : failed) finish(asked, std::move(error));
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, is_busy ? kTickWhileDown : kTickEvery, [this] { return is_poked_ || is_stopping_; });
  }
}

// With mutex_ held, as the next three.
void EncoderClient::place_waiting(std::vector<std::pair<AskedPtr, Error>>& failed) {
  const auto now = steady_clock::now();
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const AskedPtr asked = *it;
    Worker* const worker = choose(*asked);
    if (worker != nullptr) {
      asked->worker = worker;
      worker->running.push_back(asked);
    } else if (cannot_load()) {
      failed.emplace_back(asked, not_loadable());
    } else if (now >= asked->deadline || now >= asked->waits_since + options_.lost_patience) {
      failed.emplace_back(asked, Error(Code::kUnavailable, "The model's worker did not come back in time."));
    } else {
      ++it;
      continue;
    }
    it = waiting_.erase(it);
  }
}

// The least busy one.
EncoderClient::Worker* EncoderClient::choose(const Asked& asked) {
  const bool may_go_back = steady_clock::now() >= asked.waits_since + kSameLifePause;
  Worker* best = nullptr;
  for (Worker& worker : workers_) {
    const bool is_where_it_was_lost = asked.lost_at == &worker && asked.lost_life == worker.life;
    if (!worker.is_up || (is_where_it_was_lost && !may_go_back)) continue;
    if (best == nullptr || worker.running.size() < best->running.size()) best = &worker;
  }
  return best;
}

bool EncoderClient::cannot_load() const {
  for (size_t i = 0; i < workers_.size(); ++i) {
    const auto& failed_loads = options_.workers[i].failed_loads;
    if (workers_[i].is_up || !failed_loads || failed_loads() < options_.max_failed_loads) return false;
  }
  return true;
}

Error EncoderClient::not_loadable() const {
  return Error(Code::kUnavailable, "The model '" + options_.name +
                                       "' cannot be loaded any more: its worker ends each time it reads the model's "
                                       "files. The server's log has the reason.")
      .with_param("model")
      .with_retry_after(options_.load_retry);
}

Result<std::unique_ptr<EncoderClient::Handle>> EncoderClient::encode(EncodeRequest request, EncodedSink done) {
  auto asked = std::make_shared<Asked>();
  asked->request_id = request.request_id;
  asked->texts = request.texts.size();
  asked->deadline = request.deadline;
  asked->waits_since = steady_clock::now();
  asked->request = std::move(request);
  asked->done = std::move(done);
  bool is_placed = false;
  {
    std::scoped_lock lock(mutex_);
    if (!was_ever_ready_) return Error(Code::kUnavailable, "The model is still being loaded.");
    if (cannot_load()) return not_loadable();
    if (waiting_.size() >= kMaxWaitingEncodes) {
      return Error(Code::kOverloaded, "Too many requests wait for the model's worker to come back.")
          .with_retry_after(std::chrono::seconds(1));
    }
    asked->worker = waiting_.empty() ? choose(*asked) : nullptr;
    is_placed = asked->worker != nullptr;
    if (is_placed) {
      asked->worker->running.push_back(asked);
    } else {
      waiting_.push_back(asked);
    }
  }
  if (is_placed) send(asked);
  return std::unique_ptr<Handle>(std::make_unique<Held>(*this, std::move(asked)));
}

// Placed already. What it becomes is told to on_answer(), of this attempt alone.
void EncoderClient::send(const AskedPtr& asked) {
  auto answer = std::make_shared<Answer>();
  http::ClientRequest call;
  call.method = http::Method::kPost;
  call.target = "/v1/embeddings";
  call.body = encode_encode_request(asked->request);
  // Nothing comes until all is computed; a worker that hangs is noticed by its pulse, long before.
  call.idle_timeout = milliseconds(std::chrono::hours(24));
  http::ClientEvents events;
  events.on_connect = [answer] { answer->was_reached = true; };
  events.on_head = [answer](const http::ResponseHead& head) { answer->status = head.status; };
  events.on_data = [answer](std::string_view data) {
    if (answer->body.size() + data.size() <= kMaxEncodedBytes) answer->body += data;
  };
  std::scoped_lock lock(mutex_);
  if (asked->worker == nullptr || !asked->done) return;
  events.on_end = [this, asked, answer, attempt = ++asked->attempt](const Status& end) {
    {
      std::scoped_lock now(mutex_);
      if (attempt != asked->attempt || !asked->done) return;
    }
    on_answer(asked, *answer, end);
  };
  asked->call = asked->worker->link->client().start(std::move(call), std::move(events));
}

void EncoderClient::on_answer(const AskedPtr& asked, const Answer& answer, const Status& end) {
  if (!end.ok()) return on_lost(asked, {.was_reached = answer.was_reached, .why = end.error().message()});
  if (answer.status != 200) {
    Error refusal = decode_error(answer.status, answer.body);
    // A worker told to stop lets go of what waits.
    if (refusal.code() == Code::kCancelled) return on_lost(asked, {.was_reached = false, .why = refusal.message()});
    return finish(asked, std::move(refusal));
  }
  auto encoded = decode_encoded(answer.body, asked->texts);
  if (encoded.ok()) return finish(asked, std::move(encoded));
  WorkerLink* link = nullptr;
  {
    std::scoped_lock lock(mutex_);
    if (asked->worker != nullptr) link = asked->worker->link.get();
  }
  on_lost(asked, {.was_reached = true, .why = encoded.error().detail().text});
  if (link != nullptr) link->condemn("its answer breaks the protocol: " + encoded.error().detail().text);
}

void EncoderClient::on_lost(const AskedPtr& asked, const Loss& loss) {
  bool is_over = false;
  {
    std::scoped_lock lock(mutex_);
    if (!asked->done || asked->worker == nullptr) return;
    log::warn("worker.lost", {{"request_id", asked->request_id}, {"why", loss.why}});
    asked->worker->running.remove(asked);
    if (loss.was_reached) ++asked->losses;
    asked->lost_at = asked->worker;
    asked->lost_life = asked->worker->life;
    asked->worker = nullptr;
    ++asked->attempt;
    is_over = asked->losses > kMaxEncodeLosses;
    if (!is_over && !is_stopping_) {
      asked->waits_since = steady_clock::now();
      waiting_.push_back(asked);
      ++resent_;
    }
  }
  if (is_over) {
    return finish(asked,
                  Error(Code::kUnavailable,
                        "The model's worker stopped twice while it computed this request, which may be the cause."));
  }
  poke();
}

void EncoderClient::on_up(size_t index) {
  {
    std::scoped_lock lock(mutex_);
    workers_[index].is_up = was_ever_ready_ = true;
    ++workers_[index].life;
  }
  if (options_.workers[index].on_up) options_.workers[index].on_up();
  poke();
}

void EncoderClient::on_down(size_t index, const std::string& why) {
  std::vector<AskedPtr> lost;
  {
    std::scoped_lock lock(mutex_);
    Worker& worker = workers_[index];
    worker.is_up = false;
    lost.assign(worker.running.begin(), worker.running.end());
    (is_end_wanted_ ? log::info : log::error)(
        "worker.down", {{"model", options_.name}, {"worker", index}, {"streams", lost.size()}, {"why", why}});
  }
  for (const AskedPtr& asked : lost) on_lost(asked, {.was_reached = true, .why = why});
  poke();
}

void EncoderClient::cancel(const AskedPtr& asked) {
  finish(asked, Error(Code::kCancelled, "The request was cancelled."));
}

// Ends it unless it has ended; its sink is called once, without a lock.
void EncoderClient::finish(const AskedPtr& asked, Result<Encoded> encoded) {
  EncodedSink done;
  std::shared_ptr<http::Call> call;
  {
    std::scoped_lock lock(mutex_);
    done = std::exchange(asked->done, nullptr);
    if (!done) return;
    call = std::exchange(asked->call, nullptr);
    if (asked->worker != nullptr) asked->worker->running.remove(asked);
    asked->worker = nullptr;
    waiting_.remove(asked);
  }
  const bool is_whole = encoded.ok();
  if (call && !is_whole) call->cancel();
  done(std::move(encoded));
}

ModelStatus EncoderClient::status() const {
  ModelStatus status;
  std::scoped_lock lock(mutex_);
  for (size_t i = 0; i < workers_.size(); ++i) {
    const Worker& worker = workers_[i];
    const int pid = options_.workers[i].pid ? options_.workers[i].pid() : 0;
    if (pid > 0) status.worker_pids.push_back(pid);
    add_counts(status.stats, worker.counted.total());
    const engine::EngineInfo info = worker.link->info();
    if (!info.numerics_class.empty() && (status.info.numerics_class.empty() || worker.is_up)) status.info = info;
    if (!worker.is_up) continue;
    status.ready = status.ready || worker.link->is_well();
    const engine::EngineStats stats = worker.link->stats();
    status.stats.running += stats.running;
    status.stats.waiting += stats.waiting;
  }
  status.streams_resumed = resent_;
  status.restarts = options_.restart_count ? options_.restart_count() : 0;
  return status;
}

void EncoderClient::expect_end() {
  std::scoped_lock lock(mutex_);
  is_end_wanted_ = true;
}

bool EncoderClient::is_ready() const {
  std::scoped_lock lock(mutex_);
  return std::ranges::all_of(workers_, [](const Worker& worker) { return worker.is_up; });
}

Status EncoderClient::wait_until_ready(milliseconds deadline, const std::function<bool()>& give_up) {
  const auto until = steady_clock::now() + deadline;
  while (!is_ready()) {
    if (give_up && give_up()) return Error(Code::kUnavailable, "The worker stopped before it answered.");
    if (steady_clock::now() >= until) {
      return Error(Code::kDeadlineExceeded, "The worker did not load its model in time.");
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, milliseconds(50));
  }
  return Ok{};
}

void EncoderClient::poke() {
  std::scoped_lock lock(mutex_);
  is_poked_ = true;
  changed_.notify_all();
}

}  // namespace studio::inference
