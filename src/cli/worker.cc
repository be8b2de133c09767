// studio worker: one model behind the token protocol; started and supervised by `studio serve`.
#include "inference/worker.h"

#include "cli/command.h"

namespace studio::cli {
namespace {

class WorkerCommand final : public Command {
 public:
  std::string name() const override { return "worker"; }
  std::string summary() const override { return "One model behind the token protocol (started by serve)"; }
  bool is_hidden() const override { return true; }
  bool needs_settings() const override { return false; }  // everything comes by flags, so that it cannot differ

  // The names stand in inference/worker.h.
  void declare(Arguments& arguments) override {
    arguments.option(&options_.socket_path, "--socket", "PATH", "socket to serve on");
    arguments.option(&options_.engine.model_path, "--model", "PATH", "file or folder of the model");
    arguments.option(&options_.source_path, "--source", "PATH", "what the model was made of, if that cannot be loaded");
    arguments.number(&threads_, "--threads", "N", "0: one per core");
    arguments.option(&kernels_, "--kernels", "NAME", "auto, scalar, avx2, avx512 or amx");
    arguments.number(&max_sequences_, "--max-sequences", "N", "running at once");
    arguments.number(&max_queue_, "--max-queue", "N", "waiting");
    arguments.number(&context_, "--context", "N", "0: the model's own");
    arguments.number(&options_.engine.kv_bytes, "--kv-bytes", "N", "0: what fits");
    arguments.option(&kv_type_, "--kv-type", "NAME", "int16 or int8");
    arguments.number(&prompt_chunk_, "--prompt-chunk", "N", "prompt tokens per step");
    arguments.option(&options_.engine.prefix_folder, "--prefix-folder", "PATH", "where prefixes outlive the worker");
    arguments.number(&options_.engine.prefix_file_bytes, "--prefix-file-bytes", "N", "of their file");
    arguments.number(&private_prefixes_, "--private-prefixes", "N", "1: of every key; 0: public ones alone");
    arguments.option(&options_.engine.draft_model_path, "--draft-model", "PATH", "model that guesses for it");
    arguments.number(&step_ms_, "--step-ms", "N", "of a step with streams and prompts; 0: by what it takes without");
    arguments.number(&recorder_fd_, "--recorder-fd", "N", "memory that outlives the worker; -1: none");
    arguments.option(&options_.log_level, "--log-level", "LEVEL", "debug, info, warn or error");
  }

  Result<int> run(Context&) override {
    engine::EngineOptions& engine = options_.engine;
    if (options_.socket_path.empty() || engine.model_path.empty()) {
      return Error(Code::kInvalidArgument, "worker needs --socket and --model; `studio serve` starts it");
    }
    options_.recorder_fd = static_cast<int>(recorder_fd_);
    engine.threads = static_cast<int>(threads_);
    STUDIO_TRY(engine.kernels, engine::parse_kernel_choice(kernels_));
    STUDIO_TRY(engine.kv_type, engine::parse_kv_type(kv_type_));
    engine.max_sequences = static_cast<int>(max_sequences_);
    engine.max_queue = static_cast<int>(max_queue_);
    engine.context_tokens = static_cast<int>(context_);
    engine.prompt_chunk = static_cast<int>(prompt_chunk_);
    engine.keeps_private_prefixes = private_prefixes_ != 0;
    engine.step_ms = static_cast<int>(step_ms_);
    STUDIO_CHECK_OK(inference::run_worker(options_));
    return 0;
  }

 private:
  inference::WorkerOptions options_;
  std::string kernels_ = "auto", kv_type_ = engine::kv_type_name(options_.engine.kv_type);
  int64_t threads_ = 0, max_sequences_ = options_.engine.max_sequences, max_queue_ = options_.engine.max_queue,
          context_ = 0, prompt_chunk_ = options_.engine.prompt_chunk, step_ms_ = 0, recorder_fd_ = -1,
          private_prefixes_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_worker_command() {
  return std::make_unique<WorkerCommand>();
}

}  // namespace studio::cli
