#include "base/stop_signals.h"

namespace studio {
namespace {

sigset_t stop_signals() {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGHUP);
  return stops;
}

}  // namespace

sigset_t block_stop_signals() {
  sigset_t stops = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return stops;
}

StopSignalsBlocked::StopSignalsBlocked() {
  sigset_t stops = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &stops, &before_);
}

StopSignalsBlocked::~StopSignalsBlocked() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace studio
