// studio keep-panels: started by whoever loaded a model from a GGUF file, to make the panels that later starts map.
#include "cli/panel_keeper.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/confined_child.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "catalogue/kept_panels.h"
#include "cli/keys.h"
#include "cli/panel_conversion.h"
#include "engine/formats/open_encoder.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kLowestPriority = 19;
// linux/ioprio.h: of a process, in the class that gets what the others leave.
constexpr int kOfProcess = 1, kIdleDisk = 3 << 13;
constexpr int kThreads = 1;  // whoever started it is answering meanwhile

bool keeps_panels(const Context& context) {
  return context.config.text("engine.kept_panels") != "none";
}

// Child of fork() in a process with threads: only async-signal-safe calls. The process in between ends at once, so that
// the worker below it is nobody's child that would have to be waited for.
[[noreturn]] void become_keeper(char* const* arguments) {
  ::setsid();
  const pid_t keeper = ::fork();
  if (keeper != 0) ::_exit(keeper < 0 ? 1 : 0);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) ::dup2(null, fd);
  // A pipe or a socket kept open here would never end for who reads it.
  if (::syscall(SYS_close_range, static_cast<unsigned>(STDERR_FILENO) + 1, ~0U, 0U) != 0) ::_exit(1);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv("/proc/self/exe", arguments);
  ::_exit(127);
}

void start_keeper(const std::string& data_dir, const std::string& source) {
  std::vector<std::string> words = {"studio", "keep-panels", source, "--into", data_dir};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) become_keeper(arguments.data());
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    log::warn("panels.not_kept", {{"model", source}, {"why", "no process can be started"}});
  }
}

class KeepPanelsCommand final : public Command {
 public:
  std::string name() const override { return "keep-panels"; }
  std::string summary() const override { return "Panels of a GGUF file for its next start (started by serve and run)"; }
  bool is_hidden() const override { return true; }
  bool needs_settings() const override { return false; }  // everything comes by flags, so that it cannot differ

  void declare(Arguments& arguments) override {
    arguments.positional(&source_, "FILE", "GGUF file", true);
    arguments.option(&data_dir_, "--into", "DIR", "the data folder");
  }

  Result<int> run(Context&) override {
    if (data_dir_.empty()) return Error(Code::kInvalidArgument, "keep-panels needs --into; serve and run start it");
    ::setpriority(PRIO_PROCESS, 0, kLowestPriority);
    ::syscall(SYS_ioprio_set, kOfProcess, 0, kIdleDisk);
    const catalogue::KeptPanels kept(data_dir_);
    STUDIO_CHECK_OK(kept.make_folder());
    STUDIO_TRY(const auto held, FileLock::try_acquire(kept.lock_path(source_)));
    if (!held) return 0;  // another one is at it
    kept.sweep();
    if (kept.find(source_) || !kept.is_worth_keeping(source_)) return 0;
    STUDIO_CHECK_OK(make(kept));
    return 0;
  }

 private:
  Status make(const catalogue::KeptPanels& kept) const {
    STUDIO_TRY(const auto made_of, catalogue::stamp_of(source_));
    STUDIO_TRY(const std::string staging, kept.make_staging(source_));
    const std::string staged = staging + "/new.panels";
    STUDIO_TRY(const auto* kernels, engine::select_kernels(engine::Isa::kAuto));
    std::vector<std::string> readable = kConversionReads;
    readable.push_back(source_);
    Status done = run_confined(
        {.readable = std::move(readable), .writable = {staging}, .sockets = {}},
        [](const std::vector<SandboxLayer>&) {},  // the worker's log tells of the same layers
        [&] { return convert_to_panels(source_, staged, "none", kThreads, *kernels, {}); });
    if (done.ok()) done = kept.publish(staged, source_, made_of);
    std::error_code ignored;
    fs::remove_all(staging, ignored);
    return done;
  }

  std::string source_, data_dir_;
};

}  // namespace

void find_kept_panels(const Context& context, std::vector<api::GatewayModel>& models) {
  if (!keeps_panels(context)) return;
  const catalogue::KeptPanels kept(context.data_dir());
  for (api::GatewayModel& model : models) {
    if (!engine::is_encoder(model.path)) model.panels = kept.find(model.path).value_or("");
  }
}

void keep_panels_of(const Context& context, const std::vector<api::GatewayModel>& models) {
  if (!keeps_panels(context)) return;
  std::error_code error;
  const std::string data_dir = fs::absolute(context.data_dir(), error).string();
  const catalogue::KeptPanels kept(data_dir);
  for (const api::GatewayModel& model : models) {
    if (kept.find(model.path) || !kept.is_worth_keeping(model.path)) continue;
    if (engine::is_encoder(model.path)) continue;  // whose weights are multiplied as they lie
    // Of a folder that is there the owner has chosen who may read it.
    const bool is_there = fs::is_directory(data_dir, error) || make_data_dir(data_dir).ok();
    if (is_there) start_keeper(data_dir, model.path);
  }
}

std::unique_ptr<Command> make_keep_panels_command() {
  return std::make_unique<KeepPanelsCommand>();
}

}  // namespace studio::cli
