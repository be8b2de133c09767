#include "inference/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "inference/flight_recorder.h"

namespace studio::inference {
namespace {

// Where close_range() is not known: as many as a process has by default, sixty-four times over.
constexpr int kMaxDescriptor = 65'536;

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void close_from(int first) {
  if (::syscall(SYS_close_range, static_cast<unsigned>(first), ~0U, 0U) == 0) return;
  for (int fd = first; fd < kMaxDescriptor; ++fd) ::close(fd);  // kernels before 5.9
}

// Child of fork(): only async-signal-safe calls until execv().
[[noreturn]] void become_worker(const char* program, char* const* arguments, pid_t parent, int recorder) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // the parent died before the line above
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  if (recorder == kRecorderFd) {
    ::fcntl(recorder, F_SETFD, 0);
  } else if (recorder >= 0) {
    ::dup2(recorder, kRecorderFd);
  }
  ::dup2(STDERR_FILENO, STDOUT_FILENO);  // a worker has nothing to say on the gateway's standard output
  // Nothing else of the gateway's: a client's socket kept open here would never close for the client.
  close_from(recorder >= 0 ? kRecorderFd + 1 : STDERR_FILENO + 1);
  ::execv(program, arguments);
  ::_exit(127);
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

// By somebody: the gateway, its operator, the kernel short of memory.
bool was_killed(int status) {
  return WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGKILL);
}

class SupervisorImpl final : public Supervisor {
 public:
  explicit SupervisorImpl(SupervisorOptions options) : options_(std::move(options)) {
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  }
  ~SupervisorImpl() override {
    stop(milliseconds(0));
    ::close(wake_);
  }

  Status start() {
    // The thread that forks must live as long as the worker: the death signal follows the thread, not the process.
    std::promise<Status> first;
    auto begun = first.get_future();
    thread_ = std::thread([this, first = std::move(first)]() mutable { run(std::move(first)); });
    return begun.get();
  }

  int restarts() const override { return restarts_; }
  int failed_loads() const override { return failed_loads_; }
  int pid() const override { return pid_; }
  std::string last_end() const override {
    std::scoped_lock lock(mutex_);
    return last_end_;
  }
  void kill() override {
    std::scoped_lock lock(mutex_);
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  void note_good_life() override {
    had_good_life_ = true;
    failed_loads_ = 0;
  }
  void stop(milliseconds grace) override {
    grace_ms_ = grace.count();
    stopping_ = true;
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(wake_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(std::promise<Status> first) {
    milliseconds backoff = options_.first_backoff;
    bool is_first = true;
    while (!stopping_) {
      had_good_life_ = false;
      Status spawned = spawn();
      if (is_first) first.set_value(spawned);
      if (is_first && !spawned.ok()) return;
      is_first = false;
      if (spawned.ok()) watch();
      if (stopping_) return;
      if (had_good_life_) {
        backoff = options_.first_backoff;
      } else {
        wait_for_wake(backoff);
        backoff = std::min(backoff * 2, options_.longest_backoff);
      }
      ++restarts_;
    }
    if (is_first) first.set_value(Ok{});
  }

  Status spawn() {
    std::vector<char*> arguments;
    arguments.push_back(options_.program.data());
    for (std::string& argument : options_.arguments) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    pid_t parent = ::getpid();
    const int recorder = options_.recorder_fd ? options_.recorder_fd() : -1;
    pid_t child = ::fork();
    if (child == 0) become_worker(options_.program.c_str(), arguments.data(), parent, recorder);
    if (child < 0) {
      return Error(Code::kUnavailable, "A worker process cannot be started.").with_detail(std::strerror(errno));
    }
    std::scoped_lock lock(mutex_);
    pid_ = child;
    log::info("worker.started", {{"model", options_.name}, {"pid", child}});
    return Ok{};
  }

  // Until the worker has ended; asks it to when stopping.
  void watch() {
    pid_t child = pid_;
    const auto born = steady_clock::now();
    int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
    bool asked = false;
    auto until = steady_clock::time_point::max();
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
      if (stopping_ && !asked) {
        asked = true;
        until = steady_clock::now() + milliseconds(grace_ms_);
        ::kill(child, SIGTERM);
      }
      if (steady_clock::now() >= until) ::kill(child, SIGKILL);
      // Without a pid handle (old kernels) the wait is cut short instead.
      std::array<pollfd, 2> waiting = {{{wake_, POLLIN, 0}, {handle, POLLIN, 0}}};
      int limit_ms = asked || handle < 0 ? 20 : -1;
      ::poll(waiting.data(), asked ? 0 : (handle < 0 ? 1 : 2), limit_ms);
    }
    if (handle >= 0) ::close(handle);
    tell_end(child, status, std::chrono::duration_cast<milliseconds>(steady_clock::now() - born));
    std::scoped_lock lock(mutex_);
    pid_ = 0;
    last_end_ = describe_end(status);
    if (!had_good_life_ && !was_killed(status)) ++failed_loads_;
    if (!stopping_) log::error("worker.died", {{"model", options_.name}, {"pid", child}, {"end", last_end_}});
  }

  // A worker that dies of its own fault while it is asked to stop counts too.
  void tell_end(pid_t child, int status, milliseconds lived) const {
    const bool was_wanted = stopping_ && (WIFEXITED(status) || was_killed(status));
    if (options_.on_end && !was_wanted) options_.on_end(child, status, lived);
  }

  void wait_for_wake(milliseconds limit) {
    pollfd waiting{wake_, POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(limit.count()));
  }

  SupervisorOptions options_;
  int wake_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> had_good_life_{false};
  std::atomic<int64_t> grace_ms_{0};
  std::atomic<int> restarts_{0}, failed_loads_{0};
  std::atomic<int> pid_{0};
  mutable std::mutex mutex_;  // guards last_end_, and that pid_ is alive while it is signalled
  std::string last_end_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::start(SupervisorOptions options) {
  auto supervisor = std::make_unique<SupervisorImpl>(std::move(options));
  STUDIO_CHECK_OK(supervisor->start());
  return std::unique_ptr<Supervisor>(std::move(supervisor));
}

}  // namespace studio::inference
