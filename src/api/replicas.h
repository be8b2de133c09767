// One served model: its worker processes, the client that reaches them, and its text side.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/gateway.h"
#include "api/serving/served_models.h"
#include "engine/formats/model_source.h"
#include "inference/crash_reporter.h"
#include "inference/encoder_client.h"
#include "inference/supervisor.h"
#include "inference/worker_client.h"

namespace studio::api {

struct ReplicasOptions {
  GatewayModel model;
  int count = 1;                          // workers of the model
  inference::WorkerOptions worker;        // socket and model path are filled in; threads 0: the cores, shared out
  std::string program;                    // empty: this one
  std::string socket_stem;                // "<run_dir>/0": sockets are "<stem>.<replica>.sock"
  std::vector<std::string> public_texts;  // beginnings of prompts that everybody knows
  std::string vocabulary_dir;             // for tables of vocabularies; empty: they are built anew
  inference::HangLimits hang;
  inference::CrashReporter* crashes = nullptr;  // outlives the replicas; nullptr: deaths are only logged
};

class Replicas {
 public:
  // The worker processes run when it returns; their model loads.
  static Result<std::unique_ptr<Replicas>> start(ReplicasOptions options);

  // Waits until every one answers. Errors: of the model's file; unavailable when a worker ended, with how.
  Result<ServedModel> open(std::chrono::milliseconds deadline);
  void stop(std::chrono::milliseconds grace);
  const std::string& name() const { return options_.model.name; }
  inference::WorkerClient* client() { return client_.get(); }  // nullptr: an encoder's

 private:
  explicit Replicas(ReplicasOptions options) : options_(std::move(options)) {}
  Status read_head();
  std::string socket_path(int number) const;
  Status start_worker(int number, inference::WorkerClientOptions& client);
  Status open_text(ServedModel& served);
  std::string last_end() const;  // of the first worker that ended; empty while none has

  const ReplicasOptions options_;
  std::optional<engine::ModelSource> head_;  // until it is open
  std::string head_path_;                    // the file it is of
  std::vector<std::shared_ptr<inference::Supervisor>> supervisors_;
  std::shared_ptr<inference::WorkerClient> client_;  // one of these two
  std::shared_ptr<inference::EncoderClient> encoder_;
};

}  // namespace studio::api
