// The seam of the house: token ids in, token ids out, wherever the model runs.
//
// A local worker process, a remote upstream and a router over several of them are all a ModelClient; everything above
// (chat, dialects, applications) sees only this. Text never crosses it: the gateway renders, tokenises, detokenises.
//
// Threads: generate() may be called from any thread; a stream's callbacks come one at a time, on a thread of the
// client's choosing, and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/schedule/engine.h"

namespace studio::inference {

struct TokenRequest {
  std::string request_id;  // ours, one per choice: "<id>#<choice>"; names the stream in the log
  engine::SequenceRequest sequence;
};

// A running generation. Dropping it cancels it.
class TokenStream {
 public:
  virtual ~TokenStream() = default;
  virtual void cancel() = 0;
};

struct ModelStatus {
  bool ready = false;  // a token was produced lately, or could be
  engine::EngineInfo info;
  engine::EngineStats stats;
  int restarts = 0;              // of the worker process, since start
  uint64_t streams_resumed = 0;  // that went on after their worker was lost
  std::vector<int> worker_pids;  // of this machine; empty between two lives
};

class ModelClient {
 public:
  virtual ~ModelClient() = default;
  // The sink sees every token once, in order, and exactly one event whose finish is not kNone, last. An event with
  // neither token nor finish says that the model's side has taken the request, which may then wait or read its prompt.
  virtual Result<std::unique_ptr<TokenStream>> generate(TokenRequest request, engine::TokenSink sink) = 0;
  virtual ModelStatus status() const = 0;
};

}  // namespace studio::inference
