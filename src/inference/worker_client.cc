#include "inference/worker_client.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "http/client.h"
#include "http/sse.h"
#include "inference/lifetime_stats.h"
#include "inference/token_protocol.h"

namespace studio::inference {
namespace {

using engine::FinishReason;
using engine::TokenEvent;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kHealthDeadline{3};
// Streams that wait for their worker are looked after at this pace, and cancelled ones let go.
constexpr std::chrono::milliseconds kLostPace{50};
// Sequences are running and no step has been made for this long: the engine is stuck, not slow. A step of 512 prompt
// tokens on one slow core takes some seconds.
constexpr std::chrono::seconds kStuckAfter{60};
// Rounding may lift the logarithm of a probability of one this far above zero.
constexpr float kLogprobSlack = 1e-3f;

Error lost_too_often() {
  return Error(Code::kUnavailable,
               "The model's worker stopped while it answered this request, and again when the request was resumed.");
}

bool valid_logprob(float value) {
  return std::isfinite(value) && value <= kLogprobSlack;
}

}  // namespace

// One generation, over as many connections as it takes.
class WorkerStream;

struct WorkerClient::State {
  explicit State(WorkerClientOptions client_options)
      : options(std::move(client_options)), client(http::Endpoint::unix_socket(options.socket_path)) {}

  void monitor();
  bool poll();
  void take_up_lost();

  const WorkerClientOptions options;
  StreamLog log;

  mutable std::mutex mutex;  // guards down to the blank line
  std::condition_variable changed;
  bool stopping = false;
  std::list<std::shared_ptr<WorkerStream>> lost;
  bool answered_ever = false;
  bool answering = false;
  steady_clock::time_point last_answer = steady_clock::now();
  steady_clock::time_point last_progress = steady_clock::now();
  engine::EngineInfo info;
  engine::EngineStats stats;
  LifetimeStats lifetime_stats;
  uint64_t streams_resumed = 0;

  http::Client client;
  std::thread thread;
};

class WorkerStream : public std::enable_shared_from_this<WorkerStream> {
 public:
  WorkerStream(std::weak_ptr<WorkerClient::State> owner, WorkerClient::State& state, TokenRequest request,
               engine::TokenSink sink, StreamLog::Entry entry)
      : owner_(std::move(owner)),
        state_(state),
        request_(std::move(request)),
        first_index_(static_cast<int>(request_.sequence.resume.size())),
        sink_(std::move(sink)),
        entry_(std::move(entry)) {}

  // Sends the request, with what was produced so far as `resume`.
  void connect() {
    TokenRequest request = request_;
    std::vector<engine::TokenId> produced = entry_->ids();
    request.sequence.resume.insert(request.sequence.resume.end(), produced.begin(), produced.end());
    http::ClientRequest call;
    call.method = http::Method::kPost;
    call.target = "/v1/completions";
    call.fields.add("Content-Type", "application/json");
    call.body = encode_request(request);
    http::ClientEvents events;
    auto self = shared_from_this();
    events.on_connect = [self] { self->reached_ = true; };
    events.on_head = [self](const http::ResponseHead& head) { self->status_ = head.status; };
    events.on_data = [self](std::string_view data) { self->on_data(data); };
    events.on_end = [self](Status status) { self->on_end(std::move(status)); };
    reached_ = broken_ = false;
    status_ = 0;
    reader_ = http::SseReader();
    refusal_.clear();
    std::scoped_lock lock(handle_mutex_);
    call_ = state_.client.start(std::move(call), std::move(events));
    if (cancelled_) call_->cancel();
  }

  void cancel() {
    std::scoped_lock lock(handle_mutex_);
    cancelled_ = true;
    if (call_) call_->cancel();
  }
  bool cancelled() const { return cancelled_; }
  bool overdue() const { return steady_clock::now() >= std::min(give_up_at_, request_.sequence.deadline); }

  // Ends the stream unless it has ended. On the thread that has the stream: the client's, or the monitor's while lost.
  void finish(TokenEvent event) {
    if (finished_) return;
    finished_ = true;
    event.usage = usage(event);
    entry_.reset();  // the log may go before the last handle of the stream does
    engine::TokenSink sink = std::move(sink_);
    sink_ = nullptr;
    sink(event);
  }
  void finish_cancelled() {
    TokenEvent event;
    event.finish = FinishReason::kCancelled;
    finish(std::move(event));
  }
  void finish_with(Error error) {
    TokenEvent event;
    event.finish = FinishReason::kError;
    event.error = std::move(error);
    finish(std::move(event));
  }
  const std::string& request_id() const { return request_.request_id; }

 private:
  engine::Usage usage(const TokenEvent& event) const {
    engine::Usage used = event.usage;
    if (used.prompt_tokens == 0) used = first_usage_;
    used.prompt_tokens = static_cast<int>(request_.sequence.prompt.size());
    used.generated_tokens = first_index_ + static_cast<int>(entry_->size());
    return used;
  }

  void on_data(std::string_view data) {
    if (finished_ || broken_) return;
    if (status_ != 200) {
      if (refusal_.size() + data.size() < kMaxRefusalBytes) refusal_ += data;
      return;
    }
    std::vector<http::SseReader::Event> events;
    if (!reader_.feed(data, events).ok()) return give_up_connection("an event is too large");
    for (const auto& event : events) {
      if (finished_ || broken_ || event.data == "[DONE]") return;
      auto frame = decode_frame(event.data);
      if (!frame.ok()) return give_up_connection(frame.error().detail().text);
      if (frame->accepted) on_accepted(*frame->accepted);
      for (TokenEvent& token : frame->events) {
        if (!on_token(std::move(token))) return;
      }
    }
  }

  void on_accepted(const Accepted& accepted) {
    if (numerics_.empty()) {
      numerics_ = accepted.numerics_class + "/" + accepted.model_digest;
      TokenEvent event;  // no token and no end: the worker has taken the request
      event.usage.prompt_tokens = static_cast<int>(request_.sequence.prompt.size());
      sink_(event);
    } else if (numerics_ != accepted.numerics_class + "/" + accepted.model_digest) {
      finish_with(Error(Code::kUnavailable, "The model changed while it answered this request; send it again."));
      close_connection();
    }
  }

  bool on_token(TokenEvent event) {
    if (event.finish == FinishReason::kError) {
      finish(std::move(event));
      return false;
    }
    if (event.id >= 0) {
      int expected = first_index_ + static_cast<int>(entry_->size());
      bool sound = event.index == expected && event.id < vocab_size() && valid_logprob(event.logprob) &&
                   event.index < request_.sequence.max_new_tokens;
      for (const auto& top : event.top_logprobs) sound = sound && top.id < vocab_size() && valid_logprob(top.logprob);
      if (!sound) {
        // Which id it was is the model's output, and not for the log.
        give_up_connection("a token at " + std::to_string(event.index) + ", expected a sound one at " +
                           std::to_string(expected));
        return false;
      }
      entry_->append(event.id);
      if (first_usage_.prompt_tokens == 0) first_usage_ = event.usage;
    }
    if (event.finish != FinishReason::kNone) {
      finish(std::move(event));
      return false;
    }
    event.usage = usage(event);
    sink_(event);
    return true;
  }

  int vocab_size() const {
    std::scoped_lock lock(state_.mutex);
    return state_.info.vocab_size;
  }

  void close_connection() {
    std::scoped_lock lock(handle_mutex_);
    if (call_) call_->cancel();
  }
  void give_up_connection(const std::string& why) {
    broken_ = true;
    log::error("worker.protocol_broken", {{"model", state_.options.name}, {"request_id", request_id()}, {"why", why}});
    close_connection();
  }

  void on_end(Status status) {
    {
      std::scoped_lock lock(handle_mutex_);
      call_.reset();
    }
    if (finished_) return;
    if (cancelled_) {
      finish_cancelled();
    } else if (status_ != 0 && status_ != 200 && status.ok()) {
      finish_with(decode_error(status_, refusal_));
    } else {
      on_lost(status);
    }
  }

  void on_lost(const Status& status) {
    if (reached_) ++losses_;  // a worker that was not there has not died of this request
    log::warn("worker.lost", {{"model", state_.options.name},
                              {"request_id", request_id()},
                              {"produced", entry_->size()},
                              {"losses", losses_},
                              {"why", status.ok() ? "ended early" : status.error().message()}});
    if (losses_ >= state_.options.max_losses) {
      finish_with(lost_too_often());
      return;
    }
    auto owner = owner_.lock();
    if (!owner) {
      finish_cancelled();
      return;
    }
    give_up_at_ = steady_clock::now() + state_.options.lost_patience;
    std::scoped_lock lock(state_.mutex);
    state_.lost.push_back(shared_from_this());
    state_.changed.notify_all();
  }

  static constexpr size_t kMaxRefusalBytes = 64 * 1024;

  const std::weak_ptr<WorkerClient::State> owner_;
  WorkerClient::State& state_;  // outlives the stream's callbacks: its client joins before it goes
  const TokenRequest request_;
  const int first_index_;
  engine::TokenSink sink_;
  std::optional<StreamLog::Entry> entry_;  // until finished
  int status_ = 0;
  http::SseReader reader_;
  std::string refusal_;
  std::string numerics_;
  engine::Usage first_usage_;
  bool reached_ = false;  // by the running connection
  bool finished_ = false;
  bool broken_ = false;
  int losses_ = 0;
  steady_clock::time_point give_up_at_ = steady_clock::time_point::max();

  std::mutex handle_mutex_;
  std::shared_ptr<http::Call> call_;  // guarded by handle_mutex_
  std::atomic<bool> cancelled_{false};
};

namespace {

// What the caller holds: letting go of it cancels.
class StreamHandle final : public TokenStream {
 public:
  explicit StreamHandle(std::shared_ptr<WorkerStream> stream) : stream_(std::move(stream)) {}
  ~StreamHandle() override { stream_->cancel(); }
  void cancel() override { stream_->cancel(); }

 private:
  std::shared_ptr<WorkerStream> stream_;
};

}  // namespace

void WorkerClient::State::monitor() {
  auto next_poll = steady_clock::now();
  std::unique_lock lock(mutex);
  while (!stopping) {
    lock.unlock();
    if (steady_clock::now() >= next_poll) {
      bool up = poll();
      if (up) take_up_lost();
      next_poll = steady_clock::now() + options.poll_every;
    }
    lock.lock();
    std::list<std::shared_ptr<WorkerStream>> over;
    for (auto it = lost.begin(); it != lost.end();) {
      auto here = it++;
      if ((*here)->cancelled() || (*here)->overdue()) over.splice(over.end(), lost, here);
    }
    if (!lost.empty()) next_poll = std::min(next_poll, steady_clock::now() + kLostPace);
    lock.unlock();
    for (const auto& stream : over) {
      if (stream->cancelled()) {
        stream->finish_cancelled();
      } else {
        stream->finish_with(Error(Code::kUnavailable, "The model's worker stopped and did not come back in time."));
      }
    }
    lock.lock();
    changed.wait_for(lock, lost.empty() ? options.poll_every : kLostPace, [this] { return stopping; });
  }
}

bool WorkerClient::State::poll() {
  http::ClientRequest ask;
  ask.target = "/health";
  auto health = client.fetch(std::move(ask), kHealthDeadline);
  auto fresh = health.ok() && health->status == 200 ? decode_stats(health->body)
                                                    : Result<engine::EngineStats>(Error(Code::kUnavailable, "down"));
  bool need_info = false;
  {
    std::scoped_lock lock(mutex);
    need_info = fresh.ok() && !answering;
  }
  std::optional<engine::EngineInfo> new_info;
  if (need_info) {
    http::ClientRequest models;
    models.target = "/v1/models";
    auto answer = client.fetch(std::move(models), kHealthDeadline);
    auto decoded = answer.ok() ? decode_info(answer->body) : Result<engine::EngineInfo>(answer.error());
    if (!decoded.ok()) return false;
    new_info = std::move(*decoded);
  }
  std::unique_lock lock(mutex);
  auto now = steady_clock::now();
  if (!fresh.ok()) {
    answering = false;
    bool hung = answered_ever && now - last_answer > options.hung_after;
    if (!hung) return false;
    last_answer = now;  // the next complaint in as long again
    lock.unlock();
    log::error("worker.hung", {{"model", options.name}});
    if (options.on_hung) options.on_hung();
    return false;
  }
  if (new_info) info = std::move(*new_info);
  if (fresh->steps != stats.steps || fresh->running == 0 || !answering) last_progress = now;
  stats = *fresh;
  lifetime_stats.take(stats);
  last_answer = now;
  answering = answered_ever = true;
  changed.notify_all();
  return true;
}

void WorkerClient::State::take_up_lost() {
  std::list<std::shared_ptr<WorkerStream>> streams;
  {
    std::scoped_lock lock(mutex);
    streams.swap(lost);
    streams_resumed += streams.size();
  }
  for (const auto& stream : streams) {
    log::info("worker.stream_resumed", {{"model", options.name}, {"request_id", stream->request_id()}});
    stream->connect();
  }
}

WorkerClient::WorkerClient(WorkerClientOptions options) : state_(std::make_shared<State>(std::move(options))) {
  state_->thread = std::thread([state = state_.get()] { state->monitor(); });
}

WorkerClient::~WorkerClient() {
  {
    std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
  std::list<std::shared_ptr<WorkerStream>> left;
  {
    std::scoped_lock lock(state_->mutex);
    left.swap(state_->lost);
  }
  for (const auto& stream : left) stream->finish_cancelled();
}

Result<std::unique_ptr<TokenStream>> WorkerClient::generate(TokenRequest request, engine::TokenSink sink) {
  {
    std::scoped_lock lock(state_->mutex);
    if (!state_->answered_ever) return Error(Code::kUnavailable, "The model is still being loaded.");
  }
  STUDIO_TRY(StreamLog::Entry entry, state_->log.open(request.request_id, request.sequence.max_new_tokens));
  auto stream = std::make_shared<WorkerStream>(state_, *state_, std::move(request), std::move(sink), std::move(entry));
  stream->connect();
  return std::unique_ptr<TokenStream>(std::make_unique<StreamHandle>(std::move(stream)));
}

ModelStatus WorkerClient::status() const {
  std::scoped_lock lock(state_->mutex);
  auto now = steady_clock::now();
  ModelStatus status;
  status.ready = state_->answering && now - state_->last_progress < kStuckAfter &&
                 now - state_->last_answer < state_->options.poll_every + kHealthDeadline + std::chrono::seconds(1);
  status.info = state_->info;
  status.stats = state_->lifetime_stats.total();
  status.restarts = state_->options.restart_count ? state_->options.restart_count() : 0;
  const int pid = state_->options.worker_pid ? state_->options.worker_pid() : 0;
  if (pid > 0) status.worker_pids.push_back(pid);
  status.streams_resumed = state_->streams_resumed;
  return status;
}

const StreamLog& WorkerClient::log() const {
  return state_->log;
}

Status WorkerClient::wait_until_ready(std::chrono::milliseconds deadline, const std::function<bool()>& give_up) {
  auto until = steady_clock::now() + deadline;
  std::unique_lock lock(state_->mutex);
  while (!state_->answering) {
    lock.unlock();
    if (give_up && give_up()) return Error(Code::kUnavailable, "The worker stopped before it answered.");
    if (steady_clock::now() >= until) {
      return Error(Code::kDeadlineExceeded, "The worker did not load its model in time.");
    }
    lock.lock();
    state_->changed.wait_for(lock, std::chrono::milliseconds(50), [this] { return state_->answering; });
  }
  return Ok{};
}

}  // namespace studio::inference
