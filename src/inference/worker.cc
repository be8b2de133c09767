#include "inference/worker.h"

#include <signal.h>

#include <filesystem>

#include "base/log.h"
#include "base/sandbox.h"
#include "base/stop_signals.h"
#include "engine/formats/open_encoder.h"
#include "inference/encoder_server.h"
#include "inference/flight_recorder.h"
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

// Sockets of a gateway that asks for everything at once, event loops, standard streams, and room to spare.
constexpr int kMostDescriptors = 4096;

// A model's file is a stranger's work: what reads it may reach nothing but what it serves with. The first step leaves
// the files that loading needs, the second none at all, as everything is mapped and listening by then. Computed
// prefixes are written to such a mapping.
Result<SandboxLayer> confine_files(const WorkerOptions& options) {
  STUDIO_CHECK_OK(limit_resources(kMostDescriptors));
  std::vector<std::string> readable = {options.engine.model_path, "/proc/meminfo", "/proc/cpuinfo", "/sys/fs/cgroup",
                                       "/sys/devices/system"};
  if (!options.source_path.empty()) readable.push_back(options.source_path);
  if (!options.engine.draft_model_path.empty()) readable.push_back(options.engine.draft_model_path);
  std::vector<std::string> writable;
  if (!options.engine.prefix_folder.empty()) writable.push_back(options.engine.prefix_folder);
  return restrict_files({.readable = std::move(readable),
                         .writable = std::move(writable),
                         .sockets = {std::filesystem::path(options.socket_path).parent_path().string()}});
}

void tell_layer(const char* event, const SandboxLayer& layer) {
  if (layer.is_on) {
    log::info(event, {{"by", layer.detail}});
  } else {
    log::warn(event, {{"by", "nothing"}, {"why", layer.detail}});
  }
}

// Kept panels may be gone or broken at any restart; the file they were made of gives the same answers, later.
Result<std::unique_ptr<engine::Engine>> load_engine(const WorkerOptions& options) {
  auto loaded = engine::Engine::load(options.engine);
  if (loaded.ok() || options.source_path.empty() || loaded.error().code() == Code::kInvalidArgument) return loaded;
  log::warn("worker.source_loaded", {{"path", options.source_path}, {"why", loaded.error().message()}});
  engine::EngineOptions other = options.engine;
  other.model_path = options.source_path;
  return engine::Engine::load(other);
}

// What a worker computes, and its doors.
struct Served {
  LoadedEncoder encoder;  // one of these two
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<WorkerServer> server;  // goes before what it serves

  const engine::EngineInfo& info() const { return engine ? engine->info() : encoder.info; }
};

Result<std::unique_ptr<Served>> load(const WorkerOptions& options, FlightRecorder* recorder) {
  auto served = std::make_unique<Served>();
  const bool is_encoder = engine::is_encoder(options.engine.model_path);
  if (is_encoder) {
    STUDIO_TRY(served->encoder, load_encoder(options.engine));
  } else {
    STUDIO_TRY(served->engine, load_engine(options));
  }
  if (recorder != nullptr) recorder->note_engine(served->info());
  if (is_encoder) {
    STUDIO_TRY(served->server, start_encoder_server(served->encoder, options.socket_path, recorder));
  } else {
    STUDIO_TRY(served->server, WorkerServer::start(*served->engine, options.socket_path, recorder));
  }
  return served;
}

constexpr const char* kSanitizedBuild = "a sanitizer is built in, whose runtime opens files and starts programs";

}  // namespace

std::vector<std::string> worker_arguments(const WorkerOptions& options) {
  const engine::EngineOptions& engine = options.engine;
  return {"worker",
          "--socket",
          options.socket_path,
          "--model",
          engine.model_path,
          "--source",
          options.source_path,
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
          "--kv-type",
          engine::kv_type_name(engine.kv_type),
          "--prompt-chunk",
          std::to_string(engine.prompt_chunk),
          "--prefix-folder",
          engine.prefix_folder,
          "--prefix-file-bytes",
          std::to_string(engine.prefix_file_bytes),
          "--private-prefixes",
          std::to_string(engine.keeps_private_prefixes ? 1 : 0),
          "--draft-model",
          engine.draft_model_path,
          "--step-ms",
          std::to_string(engine.step_ms),
          "--recorder-fd",
          std::to_string(options.recorder_fd),
          "--log-level",
          options.log_level};
}

Status run_worker(const WorkerOptions& options) {
  STUDIO_TRY(log::Level level, log::parse_level(options.log_level));
  SandboxLayer files{false, kSanitizedBuild}, calls = files;
  if (sandbox_fits_build()) {
    STUDIO_TRY(files, confine_files(options));  // before the first thread, the log's
  }
  log::configure(level, "worker");
  const sigset_t stops = block_stop_signals();

  std::unique_ptr<FlightRecorder> recorder;
  if (options.recorder_fd >= 0) {
    auto attached = FlightRecorder::attach(options.recorder_fd);
    if (attached.ok()) {
      recorder = std::move(*attached);
      recorder->catch_fatal_signals();
    } else {
      log::warn("worker.no_recorder", {{"why", attached.error().message()}});  // only its obituary will be shorter
    }
  }
  auto begun = std::chrono::steady_clock::now();
  STUDIO_TRY(const auto served, load(options, recorder.get()));
  if (sandbox_fits_build()) {
    STUDIO_TRY(calls, restrict_calls(FileCalls::kNone));
  }
  tell_layer("worker.files_confined", files);
  tell_layer("worker.calls_confined", calls);
  const engine::EngineInfo& info = served->info();
  if (!info.no_prefix_file.empty()) log::warn("worker.no_prefix_file", {{"why", info.no_prefix_file}});
  auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  log::info("worker.ready", {{"model", info.name},
                             {"architecture", info.architecture},
                             {"kernels", info.kernels},
                             {"threads", info.threads},
                             {"context_tokens", info.context_tokens},
                             {"load_ms", took.count()}});
  int signal_number = 0;
  ::sigwait(&stops, &signal_number);
  served->server->drain(kDrainDeadline);
  log::info("worker.stopped", {{"signal", signal_number}});
  log::flush();
  return Ok{};
}

}  // namespace studio::inference
