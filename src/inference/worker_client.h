// A ModelClient over the token protocol: one model in one worker or several, each reached by its Unix socket.
//
// Trusts a worker no further than it must: ids in range, positions without a gap, finite logprobs, one end. Every
// stream's ids go to a log; when its worker is lost (it died, hung, or broke the protocol) the stream goes on with
// `resume` where a worker of the same model answers: at once at another, or at the same when it is back. Which request
// may have been the cause is found by trial (suspects.h), so that one that stops workers stops two.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference/adapter_list.h"
#include "inference/hang_watch.h"
#include "inference/model_client.h"
#include "inference/stream_log.h"

namespace studio::inference {

struct WorkerEndpoint {
  std::string socket_path;
  std::function<void()> kill;   // SIGKILL for one that hangs or lies; must be short. Empty: nobody can
  std::function<int()> pid;     // 0: none now. Empty: not known
  std::function<void()> on_up;  // it answers: this life of it is a good one; must be short
  // How often in a row it ended while it loaded its model. Empty: not known
  std::function<int()> failed_loads;
};

struct WorkerClientOptions {
  std::string name;  // of the model, for logs
  std::vector<WorkerEndpoint> workers;
  std::vector<AdapterFile> adapters;  // that every worker holds from the beginning
  // Losses of a worker that was computing it that one stream survives one less of. Trials end a guilty one at its
  // second; a stream that is only unlucky, or kills in a new place each time, goes no further than this.
  int max_losses = 8;
  std::chrono::milliseconds lost_patience{60'000};  // for a worker to come back, loading its model
  // Once every worker has failed to load it so often, nobody waits: one failure may be a machine short of memory, or a
  // file that is just being replaced. The third comes half a second after the first and two loads.
  int max_failed_loads = 3;
  std::chrono::milliseconds load_retry{5'000};  // told to clients then: the supervisor's longest pause
  HangLimits hang;
  std::function<int()> restart_count;  // for status()
};

class WorkerPool;  // worker_pool.h

class WorkerClient final : public ModelClient {
 public:
  explicit WorkerClient(WorkerClientOptions options);
  ~WorkerClient() override;  // ends every stream (kCancelled), joins its threads

  // Errors at once: unavailable before a worker ever answered and while none can load the model, overloaded, conflict,
  // failed_precondition (quarantined). All others come to the sink.
  Result<std::unique_ptr<TokenStream>> generate(TokenRequest request, engine::TokenSink sink) override;
  ModelStatus status() const override;  // of all workers together
  const StreamLog& log() const;
  // Every worker holds the adapter from now on, also after it was started anew. `done` is called once, from this call
  // or on an I/O thread: ok once each worker that answers has it; otherwise none keeps it. Errors: unavailable where no
  // worker answers; those of the engine (schedule/engine.h) and of reading the file.
  void load_adapter(AdapterFile file, const std::function<void(Status)>& done);
  // No worker holds it any more when `done` is called. Streams that run with it go on.
  void drop_adapter(const std::string& digest, const std::function<void()>& done);
  // The workers are asked to end: from here on a worker that goes down is told as news, not as an error.
  void expect_end();

  // Blocks until every worker answers, the deadline passes, or give_up() returns true (looked at every 50 ms).
  Status wait_until_ready(std::chrono::milliseconds deadline, const std::function<bool()>& give_up);

 private:
  std::shared_ptr<WorkerPool> pool_;
};

}  // namespace studio::inference
