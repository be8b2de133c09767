// The stream at /pulse of a worker: its counters, every kPulseEvery, to who listens; its end is the worker's death.
//
// Threads: listen() and end() from any; frames are written by a thread of its own.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/schedule/engine.h"
#include "http/exchange.h"

namespace studio::inference {

class Pulse {
 public:
  // `stats` is called from any thread until the pulse is gone.
  explicit Pulse(std::function<engine::EngineStats()> stats);
  ~Pulse();

  // Its first frame is on its way when it returns. Errors: overloaded where enough listen already.
  Status listen(const std::shared_ptr<http::Exchange>& exchange);
  void end();  // of every stream; nobody can listen any more

 private:
  void run();

  const std::function<engine::EngineStats()> stats_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<http::Exchange>> listeners_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace studio::inference
