// An engine behind the token protocol on a Unix socket: what runs in a worker process.
//
// The engine's scheduler thread only queues its events; a thread of the server turns them into frames. A client that
// closes its connection cancels its sequence.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/schedule/engine.h"
#include "inference/flight_recorder.h"

namespace studio::inference {

class WorkerServer {
 public:
  // Listens when it returns. Engine and recorder (where there is one) must outlive the server.
  static Result<std::unique_ptr<WorkerServer>> start(engine::Engine& engine, const std::string& socket_path,
                                                     FlightRecorder* recorder = nullptr);
  virtual ~WorkerServer() = default;

  // Refuses new sequences, lets running ones finish until the deadline, then cancels them.
  virtual void drain(std::chrono::milliseconds deadline) = 0;
};

}  // namespace studio::inference
