#include "api/replica.h"

#include <sys/stat.h>
#include <unistd.h>

#include "engine/formats/open_model.h"

namespace studio::api {
namespace {

int64_t modified_at(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mtime : 0;
}

}  // namespace

Result<std::unique_ptr<Replica>> Replica::start(ReplicaOptions options) {
  // A file that cannot be read is told now and in its own words, not by a worker that dies of it.
  STUDIO_TRY(auto file, engine::read_model_head(options.model.path));
  std::unique_ptr<Replica> replica(new Replica(std::move(options)));
  const ReplicaOptions& chosen = replica->options_;
  inference::WorkerOptions worker = chosen.worker;
  worker.socket_path = chosen.socket_path;
  worker.engine.model_path = chosen.model.path;
  if (chosen.crashes != nullptr) worker.recorder_fd = inference::kRecorderFd;
  inference::SupervisorOptions supervised;
  supervised.name = chosen.model.name;
  supervised.program = chosen.program.empty() ? "/proc/self/exe" : chosen.program;
  supervised.arguments = inference::worker_arguments(worker);
  if (chosen.crashes != nullptr) chosen.crashes->watch(chosen.model.name, supervised);
  STUDIO_TRY(auto supervisor, inference::Supervisor::start(std::move(supervised)));
  replica->supervisor_ = std::move(supervisor);

  inference::WorkerClientOptions client;
  client.name = chosen.model.name;
  client.socket_path = chosen.socket_path;
  client.on_hung = [supervisor = replica->supervisor_] { supervisor->kill(); };
  client.restart_count = [supervisor = replica->supervisor_] { return supervisor->restarts(); };
  client.worker_pid = [supervisor = replica->supervisor_] { return supervisor->pid(); };
  replica->client_ = std::make_shared<inference::WorkerClient>(std::move(client));
  return replica;
}

void Replica::stop(std::chrono::milliseconds grace) {
  supervisor_->stop(grace);
  ::unlink(options_.socket_path.c_str());  // the worker may no longer touch files
}

Result<ServedModel> Replica::open(std::chrono::milliseconds deadline) {
  const GatewayModel& model = options_.model;
  ServedModel served{.name = model.name,
                     .aliases = model.aliases,
                     .created = model.created ? model.created : modified_at(model.path),
                     .text = nullptr};
  STUDIO_TRY(served.text, inference::TextModel::open(model.path, client_));
  Status ready = client_->wait_until_ready(deadline, [this] { return !supervisor_->last_end().empty(); });
  if (!ready.ok()) {
    std::string end = supervisor_->last_end();
    if (end.empty()) return ready.error();
    return Error(Code::kUnavailable, "the worker of '" + model.name + "' could not load its model (" + end +
                                         "); its own message stands above");
  }
  return served;
}

}  // namespace studio::api
