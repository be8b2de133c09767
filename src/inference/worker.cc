#include "inference/worker.h"

#include <signal.h>

#include "base/log.h"
#include "base/stop_signals.h"
#include "inference/worker_server.h"

namespace studio::inference {
namespace {

// The gateway has drained before it stops a worker; this is for streams of a client that goes on regardless.
constexpr std::chrono::seconds kDrainDeadline{2};

const char* kernel_name(engine::KernelChoice choice) {
  switch (choice) {
    case engine::KernelChoice::kAuto:
      return "auto";
    case engine::KernelChoice::kScalar:
      return "scalar";
    case engine::KernelChoice::kAvx2:
      return "avx2";
    case engine::KernelChoice::kAvx512:
      return "avx512";
    case engine::KernelChoice::kAmx:
      return "amx";
  }
  return "auto";
}

}  // namespace

std::vector<std::string> worker_arguments(const WorkerOptions& options) {
  const engine::EngineOptions& engine = options.engine;
  return {"worker",
          "--socket",
          options.socket_path,
          "--model",
          engine.model_path,
          "--threads",
          std::to_string(engine.threads),
          "--kernels",
          kernel_name(engine.kernels),
          "--max-sequences",
          std::to_string(engine.max_sequences),
          "--max-queue",
          std::to_string(engine.max_queue),
          "--context",
          std::to_string(engine.context_tokens),
          "--kv-bytes",
          std::to_string(engine.kv_bytes),
          "--prompt-chunk",
          std::to_string(engine.prompt_chunk),
          "--log-level",
          options.log_level};
}

Status run_worker(const WorkerOptions& options) {
  STUDIO_TRY(log::Level level, log::parse_level(options.log_level));
  log::configure(level, "worker");
  const sigset_t stops = block_stop_signals();

  auto begun = std::chrono::steady_clock::now();
  STUDIO_TRY(auto engine, engine::Engine::load(options.engine));
  STUDIO_TRY(auto server, WorkerServer::start(*engine, options.socket_path));
  const engine::EngineInfo& info = engine->info();
  auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  log::info("worker.ready", {{"model", info.name},
                             {"architecture", info.architecture},
                             {"kernels", info.kernels},
                             {"threads", info.threads},
                             {"context_tokens", info.context_tokens},
                             {"load_ms", took.count()}});
  int signal_number = 0;
  ::sigwait(&stops, &signal_number);
  server->drain(kDrainDeadline);
  log::info("worker.stopped", {{"signal", signal_number}});
  log::flush();
  return Ok{};
}

}  // namespace studio::inference
