// One worker as its gateway sees it: reached by its Unix socket, watched by its pulse.
//
// A link is up from the first beat of the pulse until the pulse ends, the worker hangs or it is condemned; then it is
// down, and the socket is tried until a worker answers again. Which model answers is asked each time anew, and the
// worker gets the adapters that it shall hold before it counts as up. Threads: events come on the link's I/O thread or
// on the one that calls tick() or condemn(), never under its mutex.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/sse.h"
#include "inference/adapter_list.h"
#include "inference/hang_watch.h"
#include "inference/model_client.h"

namespace studio::inference {

// While all is well; a quiet is measured in these.
inline constexpr std::chrono::milliseconds kTickEvery{100};
// While a worker is away: connecting to a socket where nobody listens costs some microseconds, and who waits for the
// first token waits half of this on the way.
inline constexpr std::chrono::milliseconds kTickWhileDown{2};

// A worker that was quiet for longer is not said to be ready, whatever becomes of it.
inline constexpr std::chrono::milliseconds kWellWithin{1'000};

struct WorkerLinkOptions {
  std::string name;  // of the model, for logs
  std::string socket_path;
  HangLimits hang;
  std::function<void()> kill;                          // SIGKILL; a supervisor starts it anew. Empty: nobody can
  std::function<int()> pid;                            // 0: none now. Empty: not known, as on another machine
  std::function<std::vector<AdapterFile>()> adapters;  // that it is given before it is up; empty: none
};

struct WorkerLinkEvents {
  std::function<void()> on_up;
  std::function<void(const engine::EngineStats&)> on_beat;  // on the I/O thread
  std::function<void(const std::string& why)> on_down;      // once for each on_up
};

class WorkerLink {
 public:
  WorkerLink(WorkerLinkOptions options, WorkerLinkEvents events);
  ~WorkerLink();  // stop()
  // Joins the I/O thread: its calls end with kCancelled, no event of the link comes any more. What it knew it still
  // tells: an event that runs meanwhile may ask.
  void stop();

  void tick(std::chrono::steady_clock::time_point now);  // from one thread
  // What it says cannot be trusted: it is down from here, and killed. Any thread; nothing where it is down already.
  void condemn(const std::string& why);
  http::Client& client() { return client_; }

  bool is_up() const;
  bool is_well() const;             // up, and heard of within kWellWithin
  engine::EngineInfo info() const;  // of the last worker that answered
  engine::EngineStats stats() const;

 private:
  void start_watch();
  void give_adapters(engine::EngineInfo info, std::set<std::string> given);
  void listen(engine::EngineInfo info);
  void on_pulse(std::string_view data);
  void beat(const engine::EngineStats& stats);
  void watch_ended(const Status& status);
  bool go_down();
  void free_a_stopped_worker(std::chrono::milliseconds passed);

  const WorkerLinkOptions options_;
  const WorkerLinkEvents events_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> io_ran_{true};                              // since the last tick
  std::chrono::steady_clock::time_point last_tick_, next_try_;  // the ticking thread's
  std::chrono::milliseconds unlooked_{0};                       // since its process was looked at; of tick() alone
  std::chrono::milliseconds stopped_for_{0};                    // the same

  mutable std::mutex mutex_;  // guards what follows
  bool is_up_ = false;
  bool is_watching_ = false;  // a call of the watch is under way
  HangWatch hang_;
  engine::EngineInfo info_;
  engine::EngineStats stats_;
  std::shared_ptr<http::Call> pulse_;

  http::SseReader reader_;  // the I/O thread's
  http::Client client_;
};

}  // namespace studio::inference
