#include "base/thread_pool.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>

#include "base/long_slices.h"

namespace studio {
namespace {

// Long enough to bridge the work between two loops of one model step (tens of microseconds), short enough that an idle
// pool costs nothing one can see.
constexpr auto kSpinTime = std::chrono::microseconds(60);
constexpr int kPausesPerClockRead = 32;

constexpr int64_t kMaxChunks = 0xffff;  // what the 16-bit fields of a strip hold

struct StripState {
  uint32_t loop;
  uint32_t front;
  uint32_t end;
};

uint64_t pack(StripState state) {
  return uint64_t{state.loop} << 32 | uint64_t{state.front} << 16 | state.end;
}

StripState unpack(uint64_t word) {
  return {static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word >> 16 & 0xffff),
          static_cast<uint32_t>(word & 0xffff)};
}

struct Chunks {
  int64_t first;
  int64_t count;
};

// Takes chunks of a strip: its owner from the front, a share of what is left, so that a claim, which waits for all
// that was stored before, is rare; a thief one from the end. None when the strip has none left, or belongs to another
// loop by now.
Chunks claim(std::atomic<uint64_t>& strip, uint32_t loop, bool is_owner) {
  constexpr uint32_t kShare = 4;
  uint64_t word = strip.load(std::memory_order_acquire);
  for (;;) {
    StripState state = unpack(word);
    if (state.loop != loop || state.front >= state.end) return {0, 0};
    const uint32_t count = is_owner ? std::max(1u, (state.end - state.front) / kShare) : 1;
    const uint32_t first = is_owner ? state.front : state.end - 1;
    (is_owner ? state.front : state.end) = is_owner ? first + count : first;
    if (strip.compare_exchange_weak(word, pack(state), std::memory_order_acq_rel, std::memory_order_acquire)) {
      return {first, count};
    }
  }
}

// Waits awake until done() or the spin time is over; returns what done() said last.
template <typename Done>
bool spin_until(Done done) {
  const auto give_up = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (done()) return true;
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() < give_up);
  return done();
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    : threads_(std::max(threads, 1)),
      may_spin_(static_cast<unsigned>(threads_) <= std::thread::hardware_concurrency()),
      strips_(std::make_unique<Strip[]>(static_cast<size_t>(threads_))) {
  if (::sched_getaffinity(0, sizeof(allowed_), &allowed_) != 0) CPU_ZERO(&allowed_);  // more of them than a set holds
  workers_.reserve(static_cast<size_t>(threads_ - 1));
  for (int thread = 1; thread < threads_; ++thread) {
    workers_.emplace_back([this, thread] { worker_main(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  loop_.fetch_add(1);
  loop_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(int64_t items, int64_t chunk, Call call, void* body) {
  if (items <= 0) return;
  loops_.store(loops_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (threads_ == 1 || items <= chunk) {
    call(body, 0, items, 0);
    return;
  }
  int64_t chunks = (items + chunk - 1) / chunk;
  if (chunks > kMaxChunks) {
    chunk *= (chunks + kMaxChunks - 1) / kMaxChunks;
    chunks = (items + chunk - 1) / chunk;
  }

  call_ = call;
  body_ = body;
  items_ = items;
  chunk_ = chunk;
  unfinished_.store(static_cast<int32_t>(chunks), std::memory_order_relaxed);
  const uint32_t loop = loop_.load(std::memory_order_relaxed) + 1;
  for (int64_t thread = 0; thread < threads_; ++thread) {
    const auto front = static_cast<uint32_t>(chunks * thread / threads_);
    const auto end = static_cast<uint32_t>(chunks * (thread + 1) / threads_);
    strips_[thread].state.store(pack({loop, front, end}), std::memory_order_release);
  }
  keep_off_owner();
  loop_.store(loop);  // sequentially consistent with sleepers_: either a worker sees the loop or we see the worker
  if (sleepers_.load() > 0) loop_.notify_all();

  work(loop, 0);
  wait_until_finished();
}

void ThreadPool::keep_off_owner() {
  const int processor = ::sched_getcpu();
  if (processor == owner_processor_ || processor < 0 || processor >= CPU_SETSIZE || !may_spin_) return;
  owner_processor_ = processor;
  cpu_set_t others = allowed_;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0) return;
  for (std::thread& worker : workers_) ::pthread_setaffinity_np(worker.native_handle(), sizeof(others), &others);
}

void ThreadPool::work(uint32_t loop, int thread) {
  int32_t done = 0;
  const auto run_all_of = [&](int owner) {
    for (Chunks taken = claim(strips_[owner].state, loop, owner == thread); taken.count > 0;
         taken = claim(strips_[owner].state, loop, owner == thread)) {
      call_(body_, taken.first * chunk_, std::min((taken.first + taken.count) * chunk_, items_), thread);
      done += static_cast<int32_t>(taken.count);
    }
  };
  run_all_of(thread);
  for (int step = 1; step < threads_; ++step) run_all_of((thread + step) % threads_);
  // Counted once a thread, as the threads share the counter. After this the owner may begin the next loop: nothing of
  // this one is read any more.
  if (done > 0 && unfinished_.fetch_sub(done) == done && owner_sleeps_.load()) unfinished_.notify_one();
}

void ThreadPool::wait_until_finished() {
  auto finished = [this] { return unfinished_.load(std::memory_order_acquire) == 0; };
  if (finished() || (may_spin_ && spin_until(finished))) return;
  owner_sleeps_.store(true);
  for (int32_t left = unfinished_.load(); left != 0; left = unfinished_.load()) unfinished_.wait(left);
  owner_sleeps_.store(false);
}

void ThreadPool::worker_main(int thread) {
  compute_in_long_slices();
  uint32_t seen = 0;
  for (;;) {
    seen = wait_for_loop(seen);
    if (stopping_.load()) return;
    work(seen, thread);
  }
}

uint32_t ThreadPool::wait_for_loop(uint32_t seen) {
  auto changed = [this, seen] { return loop_.load(std::memory_order_acquire) != seen; };
  if (!changed() && !(may_spin_ && spin_until(changed))) {
    sleepers_.fetch_add(1);
    loop_.wait(seen);
    sleepers_.fetch_sub(1);
  }
  return loop_.load(std::memory_order_acquire);
}

}  // namespace studio
