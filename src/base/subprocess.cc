#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace studio {
namespace {

constexpr size_t kMaxOutputBytes = 64 << 10;
constexpr int kGraceTicks = 20;  // between SIGTERM and SIGKILL

std::vector<std::string> merged_environment(const std::vector<std::pair<std::string, std::string>>& own) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry; ++entry) {
    std::string_view text = *entry;
    bool is_replaced = false;
    for (const auto& [name, value] : own) is_replaced |= text.starts_with(name + "=");
    if (!is_replaced) merged.emplace_back(text);
  }
  for (const auto& [name, value] : own) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Reads what is there without waiting. False at the end of the pipe.
bool drain(int fd, std::string& output) {
  char buffer[4096];
  for (;;) {
    ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return false;
    if (count < 0) return true;
    output.append(buffer, static_cast<size_t>(count));
    if (output.size() > kMaxOutputBytes) output.erase(0, output.size() - kMaxOutputBytes);
  }
}

}  // namespace

Result<SubprocessResult> run_subprocess(const SubprocessOptions& options, const std::function<bool()>& on_tick) {
  // Everything is made before the fork: between fork and exec only what is safe in a signal handler may run.
  std::vector<std::string> command = options.command, environment = merged_environment(options.environment);
  std::vector<char*> arguments = pointers_to(command), variables = pointers_to(environment);
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return Error(Code::kInternal, "cannot make a pipe");
  pid_t parent = ::getpid();
  pid_t child = ::fork();
  if (child < 0) {
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    return Error(Code::kInternal, std::string("cannot start ") + command[0] + ": " + std::strerror(errno));
  }
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(127);  // the parent died before the line above
    int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(pipe_ends[1], 1);
    ::dup2(pipe_ends[1], 2);
    ::execvpe(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  ::fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);

  SubprocessResult result;
  int status = 0, ticks_since_ended = -1;
  for (bool is_open = true;;) {
    if (is_open) {
      pollfd waiting{pipe_ends[0], POLLIN, 0};
      ::poll(&waiting, 1, static_cast<int>(options.tick.count()));
      is_open = drain(pipe_ends[0], result.output);
    } else {
      ::usleep(static_cast<useconds_t>(options.tick.count() * 1000));
    }
    if (::waitpid(child, &status, WNOHANG) == child) break;
    if (ticks_since_ended >= 0) {
      if (++ticks_since_ended == kGraceTicks) ::kill(child, SIGKILL);
    } else if (!on_tick()) {
      ::kill(child, SIGTERM);
      ticks_since_ended = 0;
    }
  }
  drain(pipe_ends[0], result.output);
  ::close(pipe_ends[0]);
  result.exit_code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace studio
