// One served model: its worker process, the client that reaches it, and its text side.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/gateway.h"
#include "api/serving/served_models.h"
#include "inference/crash_report.h"
#include "inference/supervisor.h"
#include "inference/worker_client.h"

namespace studio::api {

struct ReplicaOptions {
  GatewayModel model;
  inference::WorkerOptions worker;  // socket and model path are filled in
  std::string program;              // empty: this one
  std::string socket_path;
  inference::CrashReporter* crashes = nullptr;  // outlives the replica; nullptr: deaths are only logged
};

class Replica {
 public:
  // The worker process runs when it returns; its model loads.
  static Result<std::unique_ptr<Replica>> start(ReplicaOptions options);

  // Waits until the model answers. Errors: of the model's file; unavailable when the worker ended, with how.
  Result<ServedModel> open(std::chrono::milliseconds deadline);
  void stop(std::chrono::milliseconds grace);
  const std::string& name() const { return options_.model.name; }

 private:
  explicit Replica(ReplicaOptions options) : options_(std::move(options)) {}

  const ReplicaOptions options_;
  std::shared_ptr<inference::Supervisor> supervisor_;
  std::shared_ptr<inference::WorkerClient> client_;
};

}  // namespace studio::api
