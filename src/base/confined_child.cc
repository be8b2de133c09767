#include "base/confined_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace studio {
namespace {

// A code and a sentence; one write of so much to a pipe is whole.
constexpr size_t kMaxReportBytes = 4096;

Error cannot(const char* what) {
  return Error(Code::kInternal,
               std::string("cannot make a process to read it in: ") + what + ": " + std::strerror(errno));
}

Status enter_and_work(const SandboxFiles& files, const std::function<void(const std::vector<SandboxLayer>&)>& on_layers,
                      const std::function<Status()>& work) {
  std::vector<SandboxLayer> layers = {
      {false, "nothing confines it: a sanitizer is built in, whose runtime opens files and starts programs"}};
  if (sandbox_fits_build()) {
    STUDIO_TRY(layers, enter_sandbox(files));
  }
  on_layers(layers);
  return work();
}

[[noreturn]] void be_the_child(int report, pid_t parent, const std::function<Status()>& run) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  const Status done = run();
  std::fflush(nullptr);
  if (done.ok()) ::_exit(0);
  std::string told(1, static_cast<char>(done.error().code()));
  told += done.error().message();
  told.resize(std::min(told.size(), kMaxReportBytes));
  [[maybe_unused]] const ssize_t written = ::write(report, told.data(), told.size());
  ::_exit(1);
}

std::string read_report(int fd) {
  std::array<char, kMaxReportBytes> buffer{};
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t count = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size += static_cast<size_t>(count);
  }
  return {buffer.data(), size};
}

// From a process that may have been taken over: any code that there is, and no bytes that steer a terminal.
Error error_of(const std::string& report) {
  const int code = report.empty() ? -1 : static_cast<unsigned char>(report[0]);
  if (report.size() < 2 || code > static_cast<int>(Code::kInternal)) {
    return Error(Code::kCorruptData, "the process that read it ended without a reason");
  }
  std::string message = report.substr(1);
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return Error(static_cast<Code>(code), std::move(message));
}

Error ended_by(int signal) {
  if (signal == SIGBUS) return Error(Code::kCorruptData, "a file was cut short while it was read");
  return Error(Code::kCorruptData, "the process that read it was ended by signal " + std::to_string(signal) + " (" +
                                       ::strsignal(signal) + ")");
}

}  // namespace

Status run_confined(const SandboxFiles& files, const std::function<void(const std::vector<SandboxLayer>&)>& on_layers,
                    const std::function<Status()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("pipe");
  const pid_t parent = ::getpid();
  std::fflush(nullptr);  // or the child would write it a second time
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    be_the_child(ends[1], parent, [&] { return enter_and_work(files, on_layers, work); });
  }
  const int fork_error = errno;
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    errno = fork_error;
    return cannot("fork");
  }
  const std::string report = read_report(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return ended_by(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return error_of(report);
  return Ok{};
}

}  // namespace studio
