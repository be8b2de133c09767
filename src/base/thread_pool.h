// A fixed set of threads that run loops together with the thread that asks.
//
// parallel_for cuts a loop into chunks, gives every thread one contiguous run of them, and lets a thread that is done
// take chunks from the end of another's run: streams stay sequential, and a thread halted by a noisy neighbour holds up
// no more than a quarter of what it had left. Starting and ending a loop costs about a microsecond: workers spin for a
// while after each loop and then sleep on a futex, so an idle pool uses no CPU. They stay off the processor of the
// owner: a thread that wakes while something short runs on every other one would land there, and the kernel would let
// the two take turns for tens of milliseconds, with a processor idle by then.
//
// Threads: one at a time may call parallel_for (the owner is worker 0); loops do not nest. Loop bodies must not throw.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace studio {

class ThreadPool {
 public:
  // The caller's thread counts: `threads` = 4 starts three. Values below 1 count as 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Loops begun since the start: it stands still when the owner does. Any thread.
  uint64_t loops() const { return loops_.load(std::memory_order_relaxed); }

  // Calls fn(begin, end, thread) over disjoint ranges that cover [0, items), each a multiple of `chunk` long except the
  // last; thread is 0 .. threads() - 1, for scratch memory. Returns when all are done; what they wrote is then visible.
  // Which thread runs which range differs from call to call. items >= 0, chunk >= 1.
  template <typename Fn>
  void parallel_for(int64_t items, int64_t chunk, Fn&& fn) {
    using Body = std::remove_reference_t<Fn>;
    run(
        items, chunk,
        [](void* body, int64_t begin, int64_t end, int thread) { (*static_cast<Body*>(body))(begin, end, thread); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

 private:
  using Call = void (*)(void* body, int64_t begin, int64_t end, int thread);

  // The chunks left to one thread: loop number (32 bits), first chunk (16), end (16). One word, so that a claim is one
  // compare-and-swap and a worker that wakes late can never claim from a loop it has not seen.
  struct alignas(64) Strip {
    std::atomic<uint64_t> state{0};
  };

  void run(int64_t items, int64_t chunk, Call call, void* body);
  void keep_off_owner();
  void work(uint32_t loop, int thread);
  void worker_main(int thread);
  uint32_t wait_for_loop(uint32_t seen);
  void wait_until_finished();

  const int threads_;
  const bool may_spin_;  // there is a core for every thread: waiting awake takes nothing from the others
  // The loop under way. Written by the owner between loops only; read by a worker only between a successful claim and
  // the count-down that ends it, which the owner waits for.
  Call call_ = nullptr;
  void* body_ = nullptr;
  int64_t items_ = 0;
  int64_t chunk_ = 1;

  std::unique_ptr<Strip[]> strips_;                 // one per thread
  alignas(64) std::atomic<uint32_t> loop_{0};       // number of the latest loop
  std::atomic<uint64_t> loops_{0};                  // those without help included; written by the owner alone
  alignas(64) std::atomic<int32_t> unfinished_{0};  // chunks of it not yet done
  std::atomic<bool> owner_sleeps_{false};
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<int32_t> sleepers_{0};  // workers waiting on loop_

  cpu_set_t allowed_;         // processors of the thread that made the pool
  int owner_processor_ = -1;  // when it last began a loop; -1: the workers may go anywhere
  std::vector<std::thread> workers_;
};

}  // namespace studio
