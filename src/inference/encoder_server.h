// An encoder behind the token protocol on a Unix socket: what runs in the worker process of an encoder's model.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "engine/encoders/encoder.h"
#include "engine/schedule/engine.h"
#include "inference/flight_recorder.h"
#include "inference/worker_server.h"

namespace studio::inference {

// Loaded by load_encoder(), told by GET /v1/models.
struct LoadedEncoder {
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<engine::Encoder> encoder;
  engine::EngineInfo info;
  size_t max_requests = 0;  // that may wait
};

// Of the options the model's path, threads, kernels and the queue's length are looked at. Errors: those of the readers.
Result<LoadedEncoder> load_encoder(const engine::EngineOptions& options);

// Listens when it returns. Encoder and recorder (where there is one) must outlive the server.
Result<std::unique_ptr<WorkerServer>> start_encoder_server(LoadedEncoder& loaded, const std::string& socket_path,
                                                           FlightRecorder* recorder = nullptr);

}  // namespace studio::inference
