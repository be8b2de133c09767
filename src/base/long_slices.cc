#include "base/long_slices.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace studio {
namespace {

// Longer than any default, which is 0.7 to 4 ms by the number of processors: the shorter slice goes first.
constexpr uint64_t kSliceNs = 10'000'000;

// sched_setattr(2), which has no wrapper: the first form of its argument, which every kernel takes.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of SCHED_OTHER: the slice, in ns
  uint64_t deadline = 0;
  uint64_t period = 0;
};

}  // namespace

void compute_in_long_slices() {
  SchedulingAttributes attributes;
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0) return;  // its niceness stays
  if (attributes.policy != SCHED_OTHER) return;
  attributes.runtime = kSliceNs;
  ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace studio
