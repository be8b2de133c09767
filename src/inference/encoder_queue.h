// The requests that wait for an encoder, and the thread that computes them: texts that wait together go into one pass.
//
// Each pass takes texts of every request in turn, so that a small request does not wait for the end of a large one
// before it; a vector has the same bits in any company (engine/encoders), so nobody can tell.
// Threads: submit, cancel and stats from any; sinks are called on the queue's own thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "base/thread_pool.h"
#include "engine/schedule/engine.h"
#include "inference/encoder_request.h"

namespace studio::inference {

// Of one pass: four of the encoder's own steps, so that who comes next waits a fraction of a second, and the weights
// meet enough rows.
inline constexpr size_t kPassTokens = 2048;
// The classes of numerics: a new number with every change of kernels/numerics.md, section 8, and section 9.
inline constexpr const char* kEncoderNumerics = "x86-f32-encoder-v1";
inline constexpr const char* kFastEncoderNumerics = "x86-i16-encoder-v1";
// That may wait, of all requests together: two of the largest, minutes of work of a small model on a small machine.
inline constexpr size_t kMaxWaitingTexts = 2 * engine::kMaxEncoderTexts;

class EncoderQueue {
 public:
  // Encoder and pool outlive it; the pool is the queue's alone from here on.
  EncoderQueue(engine::Encoder& encoder, const ThreadPool& pool, size_t max_requests);
  ~EncoderQueue();  // what waits ends with kCancelled

  using Id = uint64_t;
  // Errors: overloaded where max_requests or kMaxWaitingTexts wait; invalid_argument where there is no text; those of
  // Encoder::check().
  Result<Id> submit(EncodeRequest request, EncodedSink done);
  // Its sink is not called any more, unless it is being called now.
  void cancel(Id id);
  engine::EngineStats stats() const;

 private:
  struct Job {
    Id id;
    int64_t tokens;
    EncodeRequest request;
    EncodedSink done;
    std::chrono::steady_clock::time_point arrived;
    size_t taken = 0;  // texts that were put into a pass
    std::vector<float> values;
  };
  using JobPtr = std::shared_ptr<Job>;
  struct Pass {
    std::vector<engine::EncoderText> texts;
    std::vector<JobPtr> owners;  // of each text
    bool is_fast = false;        // all of one class of numerics
  };

  void run();
  void end_late(std::vector<JobPtr>& late);
  Pass next_pass();
  void compute(const Pass& pass);
  void note(const Pass& pass, double seconds);
  void hand_out(const Pass& pass, const Result<std::vector<float>>& values);

  engine::Encoder& encoder_;
  const ThreadPool& pool_;
  const size_t max_requests_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::list<JobPtr> jobs_;  // the first is served first in the next pass
  size_t waiting_texts_ = 0;
  size_t in_pass_ = 0;  // requests that have texts in the pass that runs
  Id last_id_ = 0;
  engine::EngineStats stats_;
  std::chrono::steady_clock::time_point last_end_{};
  bool is_stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace studio::inference
