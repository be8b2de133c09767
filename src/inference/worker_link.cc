#include "inference/worker_link.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "inference/token_protocol.h"

namespace studio::inference {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kInfoDeadline{3'000};  // of a worker that listens: it has loaded its model
constexpr milliseconds kLookWhileDown{
    10};  // reading a file of each of its threads costs a tenth of a millisecond and more
constexpr std::chrono::hours kPulseDeadline{1};
constexpr size_t kMaxInfoBytes = 64 * 1024;

}  // namespace

WorkerLink::WorkerLink(WorkerLinkOptions options, WorkerLinkEvents events)
    : options_(std::move(options)),
      events_(std::move(events)),
      last_tick_(steady_clock::now()),
      next_try_(last_tick_),
      hang_(options_.hang),
      client_(http::Endpoint::unix_socket(options_.socket_path)) {}

WorkerLink::~WorkerLink() {
  stop();
}

void WorkerLink::stop() {
  is_stopping_ = true;
  client_.stop();
}

void WorkerLink::tick(steady_clock::time_point now) {
  // A gateway that was held up itself hears nothing either: only time in which our I/O thread ran counts.
  const auto passed = std::min(std::chrono::duration_cast<milliseconds>(now - last_tick_), 2 * kTickEvery);
  if (passed < kTickWhileDown) return;
  last_tick_ = now;
  if (!io_ran_.exchange(false)) return;
  client_.post([this] { io_ran_ = true; });

  std::optional<std::string> hangs;
  bool is_up = false, may_try = false;
  {
    std::scoped_lock lock(mutex_);
    is_up = is_up_;
    auto look = [this] { return options_.pid ? look_at_process(options_.pid()) : std::nullopt; };
    if (is_up_) hangs = hang_.tick(passed, look);
    may_try = !is_up_ && !is_watching_ && now >= next_try_;
    if (may_try) is_watching_ = true;
  }
  if (hangs) {
    log::error("worker.hung", {{"model", options_.name}, {"why", *hangs}});
    condemn(*hangs);
  }
  if (may_try) {
    next_try_ = now + kTickWhileDown;
    start_watch();
  }
  if (!is_up) free_a_stopped_worker(passed);
}

// A worker that is stopped while it loads its model has no pulse to miss.
void WorkerLink::free_a_stopped_worker(milliseconds passed) {
  unlooked_ += passed;
  if (unlooked_ < kLookWhileDown) return;
  passed = std::exchange(unlooked_, milliseconds(0));
  const int pid = options_.pid ? options_.pid() : 0;
  if (pid == 0 || look_at_process(pid) != ProcessState::kStopped) {
    stopped_for_ = milliseconds(0);
    return;
  }
  stopped_for_ += passed;
  if (stopped_for_ < options_.hang.look_after) return;
  stopped_for_ = milliseconds(0);
  log::error("worker.hung", {{"model", options_.name}, {"why", "it is stopped"}});
  if (options_.kill) options_.kill();
}

void WorkerLink::start_watch() {
  struct Answer {
    int status = 0;
    std::string body;
  };
  auto answer = std::make_shared<Answer>();
  http::ClientRequest ask;
  ask.target = "/v1/models";
  ask.idle_timeout = kInfoDeadline;
  http::ClientEvents events;
  events.on_head = [answer](const http::ResponseHead& head) { answer->status = head.status; };
  events.on_data = [answer](std::string_view data) {
    if (answer->body.size() + data.size() <= kMaxInfoBytes) answer->body += data;
  };
  events.on_end = [this, answer](const Status& status) {
    auto info = status.ok() && answer->status == 200 ? decode_info(answer->body)
                                                     : Result<engine::EngineInfo>(Error(Code::kUnavailable, "down"));
    if (info.ok() && !is_stopping_) return give_adapters(std::move(*info), {});
    std::scoped_lock lock(mutex_);
    is_watching_ = false;
  };
  client_.start(std::move(ask), std::move(events));
}

// One after the other; what was added meanwhile is given too. An adapter that the worker refuses is the loss of those
// who ask for it, not of the model.
void WorkerLink::give_adapters(engine::EngineInfo info, std::set<std::string> given) {
  auto is_bad = [this](const std::string& digest, const Error& error) {
    log::error(
        "worker.adapter_not_loaded",
        {{"model", options_.name}, {"digest", digest}, {"why", error.message()}, {"detail", error.detail().text}});
  };
  for (const AdapterFile& file : options_.adapters ? options_.adapters() : std::vector<AdapterFile>()) {
    if (!given.insert(file.digest).second) continue;
    auto bytes = read_adapter(file);
    if (!bytes.ok()) {
      is_bad(file.digest, bytes.error());
      continue;
    }
    struct Answer {
      int status = 0;
      std::string body;
    };
    auto answer = std::make_shared<Answer>();
    http::ClientEvents events;
    events.on_head = [answer](const http::ResponseHead& head) { answer->status = head.status; };
    events.on_data = [answer](std::string_view data) {
      if (answer->body.size() + data.size() <= kMaxInfoBytes) answer->body += data;
    };
    events.on_end = [this, is_bad, answer, digest = file.digest, info, given](const Status& status) {
      if (status.ok() && !is_stopping_) {
        if (answer->status != 200) is_bad(digest, decode_error(answer->status, answer->body));
        return give_adapters(info, given);
      }
      std::scoped_lock lock(mutex_);
      is_watching_ = false;
    };
    client_.start(put_adapter(file.digest, std::move(*bytes)), std::move(events));
    return;
  }
  listen(std::move(info));
}

void WorkerLink::listen(engine::EngineInfo info) {
  http::ClientRequest ask;
  ask.target = "/pulse";
  ask.idle_timeout = kPulseDeadline;  // tick() notices sooner, but for one that never beats, or may hang
  http::ClientEvents events;
  auto status = std::make_shared<int>(0);
  events.on_head = [status](const http::ResponseHead& head) { *status = head.status; };
  events.on_data = [this, status](std::string_view data) {
    if (*status == 200) on_pulse(data);
  };
  events.on_end = [this](const Status& end) { watch_ended(end); };
  reader_ = http::SseReader();
  auto call = client_.start(std::move(ask), std::move(events));
  std::scoped_lock lock(mutex_);
  info_ = std::move(info);
  pulse_ = std::move(call);
}

void WorkerLink::on_pulse(std::string_view data) {
  std::vector<http::SseReader::Event> frames;
  if (!reader_.feed(data, frames).ok()) return condemn("its pulse cannot be read");
  for (const auto& frame : frames) {
    auto stats = decode_stats(frame.data);
    if (!stats.ok()) return condemn("its pulse cannot be read");
    beat(*stats);
  }
}

void WorkerLink::beat(const engine::EngineStats& stats) {
  bool was_up = false;
  {
    std::scoped_lock lock(mutex_);
    if (is_stopping_ || !is_watching_ || !pulse_) return;
    was_up = std::exchange(is_up_, true);
    if (!was_up) hang_.start();
    hang_.beat(stats.running + stats.waiting > 0, stats.progress);
    stats_ = stats;
  }
  if (!was_up) events_.on_up();
  events_.on_beat(stats);
}

// Whether it was up until now; whoever is told so tells the others.
bool WorkerLink::go_down() {
  std::shared_ptr<http::Call> pulse;
  bool was_up = false;
  {
    std::scoped_lock lock(mutex_);
    pulse = std::exchange(pulse_, nullptr);
    was_up = std::exchange(is_up_, false);
  }
  if (pulse) pulse->cancel();
  return was_up && !is_stopping_;
}

void WorkerLink::watch_ended(const Status& status) {
  bool was_up = go_down();
  {
    std::scoped_lock lock(mutex_);
    is_watching_ = false;
  }
  if (was_up) events_.on_down(status.ok() ? "its pulse ended" : status.error().message());
}

void WorkerLink::condemn(const std::string& why) {
  if (!go_down()) return;
  if (options_.kill) options_.kill();
  events_.on_down(why);
}

bool WorkerLink::is_up() const {
  std::scoped_lock lock(mutex_);
  return is_up_;
}

bool WorkerLink::is_well() const {
  std::scoped_lock lock(mutex_);
  return is_up_ && hang_.quiet() < kWellWithin;
}

engine::EngineInfo WorkerLink::info() const {
  std::scoped_lock lock(mutex_);
  return info_;
}

engine::EngineStats WorkerLink::stats() const {
  std::scoped_lock lock(mutex_);
  return stats_;
}

}  // namespace studio::inference
