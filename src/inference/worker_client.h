// A ModelClient over the token protocol: one worker, reached by its Unix socket.
//
// Trusts the worker no further than it must: ids in range, positions without a gap, finite logprobs, one end. Every
// stream's ids go to a log; when the worker is lost (it died, hung, or broke the protocol) the stream waits for it to
// come back and is taken up with `resume`. A stream that has lost its worker twice ends with an error, so that a
// request that kills workers kills two at most.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "inference/model_client.h"
#include "inference/stream_log.h"

namespace studio::inference {

struct WorkerClientOptions {
  std::string name;  // of the model, for logs
  std::string socket_path;
  int max_losses = 2;                               // of its worker, that one stream survives one less of
  std::chrono::milliseconds lost_patience{60'000};  // for a worker to come back, loading its model
  std::chrono::milliseconds poll_every{500};
  // Without an answer to /health for this long a worker that once answered counts as hung.
  std::chrono::milliseconds hung_after{20'000};
  std::function<void()> on_hung;       // asked to kill it; on the client's monitor thread
  std::function<int()> restart_count;  // for status()
  std::function<int()> worker_pid;     // likewise; 0: between two lives
};

class WorkerClient final : public ModelClient {
 public:
  explicit WorkerClient(WorkerClientOptions options);
  ~WorkerClient() override;  // ends every stream (kCancelled), joins its threads

  // Errors at once: unavailable before the worker ever answered, overloaded, conflict. All others come to the sink.
  Result<std::unique_ptr<TokenStream>> generate(TokenRequest request, engine::TokenSink sink) override;
  ModelStatus status() const override;
  const StreamLog& log() const;

  // Blocks until the worker answers, the deadline passes, or give_up() returns true (looked at every 50 ms).
  Status wait_until_ready(std::chrono::milliseconds deadline, const std::function<bool()>& give_up);

  struct State;  // private to worker_client.cc

 private:
  std::shared_ptr<State> state_;
};

}  // namespace studio::inference
