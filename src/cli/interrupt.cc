#include "cli/interrupt.h"

namespace studio::cli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler writes it

}  // namespace

InterruptGuard::InterruptGuard() {
  clear();
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted.store(true); };
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

void InterruptGuard::clear() {
  interrupted.store(false);
}

}  // namespace studio::cli
