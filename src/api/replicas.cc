#include "api/replicas.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"
#include "engine/formats/open_encoder.h"
#include "engine/formats/open_model.h"

namespace studio::api {
namespace {

int64_t modified_at(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mtime : 0;
}

const std::string& weights_of(const GatewayModel& model) {
  return model.panels.empty() ? model.path : model.panels;
}

int shared_out(int threads, int count) {
  if (threads != 0 || count == 1) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / count);
}

}  // namespace

Result<std::unique_ptr<Replicas>> Replicas::start(ReplicasOptions options) {
  std::unique_ptr<Replicas> replicas(new Replicas(std::move(options)));
  // A file that cannot be read is told now and in its own words, not by a worker that dies of it. Of kept panels no
  // worker dies: they are read beside it.
  const bool is_encoder = engine::is_encoder(replicas->options_.model.path);
  const bool has_panels = !replicas->options_.model.panels.empty();
  if (!has_panels && !is_encoder) STUDIO_CHECK_OK(replicas->read_head());
  inference::WorkerClientOptions client;
  client.name = replicas->name();
  for (const GatewayAdapter& adapter : replicas->options_.model.adapters) {
    client.adapters.push_back({adapter.sha256, adapter.path});
  }
  client.hang = replicas->options_.hang;
  for (int i = 0; i < replicas->options_.count; ++i) STUDIO_CHECK_OK(replicas->start_worker(i, client));
  client.restart_count = [supervisors = replicas->supervisors_] {
    int restarts = 0;
    for (const auto& supervisor : supervisors) restarts += supervisor->restarts();
    return restarts;
  };
  if (is_encoder) {
    replicas->encoder_ = std::make_shared<inference::EncoderClient>(std::move(client));
    return replicas;
  }
  if (has_panels) STUDIO_CHECK_OK(replicas->read_head());
  replicas->client_ = std::make_shared<inference::WorkerClient>(std::move(client));
  return replicas;
}

// Panels that were kept stand for their file; those that cannot be read go, and are made anew.
Status Replicas::read_head() {
  const GatewayModel& model = options_.model;
  head_path_ = weights_of(model);
  auto head = engine::read_model_head(head_path_);
  if (!head.ok() && !model.panels.empty()) {
    log::warn("panels.refused", {{"model", model.name}, {"why", head.error().message()}});
    ::unlink(model.panels.c_str());
    head_path_ = model.path;
    head = engine::read_model_head(head_path_);
  }
  STUDIO_TRY(head_, std::move(head));
  return Ok{};
}

std::string Replicas::socket_path(int number) const {
  return options_.socket_stem + "." + std::to_string(number) + ".sock";
}

Status Replicas::start_worker(int number, inference::WorkerClientOptions& client) {
  inference::WorkerOptions worker = options_.worker;
  worker.socket_path = socket_path(number);
  if (options_.crashes != nullptr) worker.recorder_fd = inference::kRecorderFd;
  worker.engine.model_path = weights_of(options_.model);
  if (!options_.model.panels.empty()) worker.source_path = options_.model.path;
  // No model guesses for itself: that is its own work done twice.
  if (worker.engine.draft_model_path == options_.model.path) worker.engine.draft_model_path.clear();
  worker.engine.threads = shared_out(worker.engine.threads, options_.count);
  inference::SupervisorOptions supervised;
  supervised.name = name();
  supervised.program = options_.program.empty() ? "/proc/self/exe" : options_.program;
  supervised.arguments = inference::worker_arguments(worker);
  if (options_.crashes != nullptr) options_.crashes->watch(name(), supervised);
  STUDIO_TRY(auto started, inference::Supervisor::start(std::move(supervised)));
  std::shared_ptr<inference::Supervisor> supervisor = std::move(started);
  client.workers.push_back({.socket_path = worker.socket_path,
                            .kill = [supervisor] { supervisor->kill(); },
                            .pid = [supervisor] { return supervisor->pid(); },
                            .on_up = [supervisor] { supervisor->note_good_life(); },
                            .failed_loads = [supervisor] { return supervisor->failed_loads(); }});
  supervisors_.push_back(std::move(supervisor));
  return Ok{};
}

std::string Replicas::last_end() const {
  for (const auto& supervisor : supervisors_) {
    if (std::string end = supervisor->last_end(); !end.empty()) return end;
  }
  return "";
}

// The text side of it: what of its files is not its worker's.
Status Replicas::open_text(ServedModel& served) {
  if (encoder_) {
    STUDIO_TRY(served.encoder, inference::EncoderModel::open(options_.model.path, encoder_));
    return Ok{};
  }
  STUDIO_TRY(served.text, inference::TextModel::open(*std::exchange(head_, std::nullopt), head_path_, client_,
                                                     options_.vocabulary_dir, options_.public_texts));
  return Ok{};
}

Result<ServedModel> Replicas::open(std::chrono::milliseconds deadline) {
  const GatewayModel& model = options_.model;
  ServedModel served{.name = model.name,
                     .aliases = model.aliases,
                     .created = model.created ? model.created : modified_at(model.path),
                     .text = nullptr};
  STUDIO_CHECK_OK(open_text(served));
  const auto gives_up = [this] { return !last_end().empty(); };
  Status ready =
      encoder_ ? encoder_->wait_until_ready(deadline, gives_up) : client_->wait_until_ready(deadline, gives_up);
  if (!ready.ok()) {
    std::string end = last_end();
    if (end.empty()) return ready.error();
    return Error(Code::kUnavailable, "the worker of '" + model.name + "' could not load its model (" + end +
                                         "); its own message stands above");
  }
  return served;
}

// One after the other would cost a grace each.
void Replicas::stop(std::chrono::milliseconds grace) {
  if (client_) client_->expect_end();
  if (encoder_) encoder_->expect_end();
  std::vector<std::thread> stopping;
  for (const auto& supervisor : supervisors_) {
    stopping.emplace_back([supervisor, grace] { supervisor->stop(grace); });
  }
  for (std::thread& thread : stopping) thread.join();
  for (int i = 0; i < options_.count; ++i) ::unlink(socket_path(i).c_str());  // workers may no longer touch files
}

}  // namespace studio::api
