// What a worker leaves behind when it dies: memory shared with the gateway, which reads it afterwards.
//
// The worker notes the requests it runs (ids, sizes, parameters; never text, never a token's id), and a handler of
// fatal signals adds signal, address and stack. Nothing has to be written at the moment of death, so that it also holds
// after SIGKILL, and the worker needs no right to any file. The gateway makes the memory, sealed in its size so that no
// worker can cut it off under its reader, and trusts nothing in it: crash_report.h reads a copy.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "inference/model_client.h"

namespace studio::inference {

inline constexpr size_t kRecordedSequences = 256;  // four full batches; more are counted, not named
inline constexpr size_t kRecordedFrames = 64;
inline constexpr size_t kRecordedModules = 24;  // the program and its libraries: 15 on Debian 12
inline constexpr int kRecorderFd = 3;           // the worker's number for it

// Shared between two processes of one build: plain memory, fixed sizes. Text ends at its first zero or at its room.
struct RecordedSequence {
  std::atomic<uint32_t> is_used;
  std::atomic<int32_t> produced;
  char request_id[64];
  int32_t prompt_tokens, resumed_tokens, max_tokens, top_k, top_logprobs;
  float temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
  uint64_t seed;
  uint32_t stream_index;
};
struct RecordedModule {
  uint64_t base, size;
  char name[64];  // of the file, without its folder
};
struct FlightRecording {
  uint32_t magic;
  char architecture[32], model_digest[72], numerics_class[32], kernels[16];
  std::atomic<int32_t> signal;  // 0: no fatal signal was caught
  int32_t signal_code, thread_id;
  uint64_t address;
  std::atomic<uint32_t> frame_count;
  uint64_t frames[kRecordedFrames];
  uint32_t module_count;
  RecordedModule modules[kRecordedModules];
  std::atomic<uint32_t> sequences_left_out;
  RecordedSequence sequences[kRecordedSequences];
};
static_assert(std::atomic<uint32_t>::is_always_lock_free, "a lock of a dead process would never open");

inline constexpr uint32_t kRecordingMagic = 0x53465231;  // "1RFS"

// The gateway's end: one for each life of a worker.
class FlightMemory {
 public:
  static Result<std::shared_ptr<FlightMemory>> create();
  ~FlightMemory();
  FlightMemory(const FlightMemory&) = delete;
  FlightMemory& operator=(const FlightMemory&) = delete;

  int fd() const { return fd_; }
  // A copy, as raw bytes of a FlightRecording.
  std::vector<std::byte> bytes() const;

 private:
  FlightMemory(int fd, const void* memory) : fd_(fd), memory_(memory) {}
  const int fd_;
  const void* const memory_;
};

// The worker's end. Any thread; lives as long as the process once its handlers are installed.
class FlightRecorder {
 public:
  // One running request; ends with it. Move-only.
  class Lease {
   public:
    Lease() = default;
    explicit Lease(RecordedSequence* slot) : slot_(slot) {}
    Lease(Lease&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }
    void note_token() const;
    void release();

   private:
    RecordedSequence* slot_ = nullptr;
  };

  // Errors: invalid_argument where the descriptor is not such memory.
  static Result<std::unique_ptr<FlightRecorder>> attach(int fd);

  void note_engine(const engine::EngineInfo& info);
  Lease begin(const TokenRequest& request);
  // From here on a fatal signal is noted before it ends the process. Once in a process.
  void catch_fatal_signals();

 private:
  explicit FlightRecorder(FlightRecording* memory) : memory_(memory) {}
  FlightRecording* const memory_;
};

}  // namespace studio::inference
