#include "cli/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace studio::cli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler writes it

// The pipe of poll_fd(): made once, for a handler needs it at any time. -1 where no descriptor was left: then a wait
// notices the next signal.
struct WakePipe {
  int ends[2] = {-1, -1};
  WakePipe() {
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) ends[0] = ends[1] = -1;
  }
};
WakePipe& wake_pipe() {
  static WakePipe pipe;
  return pipe;
}

void on_signal(int) {
  int before = errno;
  interrupted.store(true);
  // A full pipe is readable already.
  [[maybe_unused]] ssize_t written = ::write(wake_pipe().ends[1], "", 1);
  errno = before;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  clear();  // the pipe is made before the handler can run
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no restart: a waiting read must end
  ::sigaction(SIGINT, &action, &before_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &before_, nullptr);
}

const std::atomic<bool>& InterruptGuard::flag() {
  return interrupted;
}

int InterruptGuard::poll_fd() {
  return wake_pipe().ends[0];
}

void InterruptGuard::clear() {
  char bytes[64];
  while (::read(poll_fd(), bytes, sizeof bytes) > 0) continue;
  interrupted.store(false);
}

}  // namespace studio::cli
