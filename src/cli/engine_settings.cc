#include "cli/engine_settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace studio::cli {
namespace {

constexpr size_t kMaxRunDirBytes = 64;  // sun_path holds 108; the gateway adds a name per model

}  // namespace

void declare_engine_flags(Arguments& arguments, Arguments::Settings* settings) {
  arguments.setting(settings, "engine.threads", "--threads", "N", "threads per model; 0: one per core");
  arguments.setting(settings, "engine.kernels", "--kernels", "NAME", "auto, scalar, avx2, avx512 or amx");
  arguments.setting(settings, "engine.context_tokens", "--context", "N", "longest prompt and answer together");
  arguments.setting(settings, "engine.max_sequences", "--max-sequences", "N", "answers computed at the same time");
  arguments.setting(settings, "engine.kv_bytes", "--kv-bytes", "SIZE", "memory for keys and values, such as 2GiB");
  arguments.setting(settings, "engine.kv_type", "--kv-type", "NAME", "what they are kept in: int16, or int8 in half");
}

Result<inference::WorkerOptions> worker_options(const Config& config) {
  inference::WorkerOptions options;
  options.engine.threads = static_cast<int>(config.number("engine.threads"));
  STUDIO_TRY(options.engine.kernels, engine::parse_kernel_choice(config.text("engine.kernels")));
  options.engine.max_sequences = static_cast<int>(config.number("engine.max_sequences"));
  options.engine.max_queue = static_cast<int>(config.number("engine.max_queue"));
  options.engine.context_tokens = static_cast<int>(config.number("engine.context_tokens"));
  options.engine.kv_bytes = config.number("engine.kv_bytes");
  STUDIO_TRY(options.engine.kv_type, engine::parse_kv_type(config.text("engine.kv_type")));
  options.engine.prompt_chunk = static_cast<int>(config.number("engine.prompt_chunk"));
  options.engine.step_ms = static_cast<int>(config.number("engine.step_ms"));
  const std::string& level = config.text("serve.log_level");
  options.log_level = level != "auto" ? level : (::isatty(STDERR_FILENO) ? "warn" : "info");
  return options;
}

Result<std::string> make_run_dir(const std::string& data_dir) {
  std::error_code error;
  std::string path = std::filesystem::absolute(data_dir, error).string() + "/run";
  if (path.size() <= kMaxRunDirBytes) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return Error(Code::kPermissionDenied, "cannot make " + path + ": " + std::strerror(errno));
    }
    return path;
  }
  std::string temporary = "/tmp/studio-XXXXXX";
  if (!::mkdtemp(temporary.data())) {
    return Error(Code::kPermissionDenied, std::string("cannot make a folder in /tmp: ") + std::strerror(errno));
  }
  return temporary;
}

}  // namespace studio::cli
