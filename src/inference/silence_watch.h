// Tells whether one stream is forgotten by a worker that is well: it is told nothing while the engine goes on.
//
// Measured in what the worker itself says, its pulses and its counters, never in our time: a slow machine makes both
// slow. A long prompt is no silence: a step that has prompts to compute computes some tokens of them, and of what is
// computed each prompt has its share.
// Pure. One thread. One object per stream and connection.
#pragma once

#include <optional>
#include <string>

#include "engine/schedule/engine.h"

namespace studio::inference {

// Pulses without news before a stream is asked about at all: tokens on the way have long come by then.
inline constexpr int kQuietBeats = 8;
// The worker says that it took a request as soon as it has read it; a body of 32 MiB takes a second or two.
inline constexpr int kUntakenBeats = 50;
// Every step gives every decoding sequence a token. One is enough; events of some steps may still be on the way.
inline constexpr uint64_t kStepsWithoutToken = 64;

class SilenceWatch {
 public:
  // At each pulse. `tokens`: that came over this connection. Returns what is wrong, once there is no doubt.
  std::optional<std::string> beat(const engine::EngineStats& stats, bool is_taken, uint64_t tokens);

 private:
  uint64_t tokens_ = 0;
  bool is_taken_ = false;
  int beats_ = -1;      // since the last news; -1: no pulse yet
  int idle_beats_ = 0;  // of them, on which the engine had nothing to do at all
  bool is_prompt_forgotten(const engine::EngineStats& stats) const;

  uint64_t steps_ = 0, preemptions_ = 0, prompt_tokens_ = 0;  // at the last news
  int weights_ = 1;                                           // since then: most that all tenants together had
  bool was_full_ = false;                                     // and some sequence waited, perhaps this one
};

}  // namespace studio::inference
