#include "api/gateway.h"

#include <signal.h>
#include <time.h>

#include <atomic>
#include <future>
#include <thread>

#include "api/anthropic/errors.h"
#include "api/anthropic/routes.h"
#include "api/batches/runner.h"
#include "api/bearer.h"
#include "api/console/routes.h"
#include "api/dashscope/errors.h"
#include "api/dashscope/file_routes.h"
#include "api/dashscope/routes.h"
#include "api/dashscope/token_routes.h"
#include "api/kept/kept_answers.h"
#include "api/live_adapters.h"
#include "api/model_routes.h"
#include "api/ollama/routes.h"
#include "api/ollama/writer.h"
#include "api/openai/batch_routes.h"
#include "api/openai/errors.h"
#include "api/openai/file_routes.h"
#include "api/openai/routes.h"
#include "api/replicas.h"
#include "api/responses/routes.h"
#include "api/serving/services.h"
#include "api/system_routes.h"
#include "base/log.h"
#include "base/stop_signals.h"
#include "http/server.h"

namespace studio::api {
namespace {

constexpr std::chrono::milliseconds kWorkerGrace{3'000};  // after the gateway has drained
constexpr std::chrono::seconds kSettleDeadline{5};        // for records of cut streams; a commit takes milliseconds

class GatewayImpl final : public Gateway {
 public:
  explicit GatewayImpl(const GatewayConfig& config) : config_(config) {}
  ~GatewayImpl() override { stop(std::chrono::milliseconds(0)); }

  Status start_all() {
    STUDIO_TRY(auto listener, open_listener(config_.listener));  // a door that cannot be is told before models load
    if (config_.models.empty()) return Error(Code::kInvalidArgument, "no model was named");
    STUDIO_CHECK_OK(start_replicas());
    return listen(std::move(listener));
  }

  const GatewayReady& ready() const override { return ready_; }
  bool has_tls() const { return !config_.listener.tls.certificate.empty(); }
  void reload() {
    Status reloaded = reload_tls(config_.listener.tls, *server_);
    if (reloaded.ok()) return;
    log::error("tls.reload_failed", {{"why", reloaded.error().message()},
                                     {"detail", reloaded.error().detail().text},
                                     {"kept", "the certificate that was in use"}});
    if (config_.on_progress) config_.on_progress("the old certificate stays: " + reloaded.error().message());
  }
  void cut() { server_->drain(std::chrono::milliseconds(0)); }  // while stop() waits

  void stop(std::chrono::milliseconds deadline) override {
    if (is_stopped_) return;
    is_stopped_ = is_draining_ = true;
    if (batch_runner_) batch_runner_->stop();
    if (background_) background_->stop();
    if (server_) server_->drain(deadline);
    kept_.stop();
    auto until = std::chrono::steady_clock::now() + kSettleDeadline;
    while (open_answers_.count() > 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (auto& replicas : replicas_) replicas->stop(kWorkerGrace);
  }

 private:
  // All models load at once; the first that fails ends it.
  Status start_replicas() {
    if (!config_.crash_dir.empty()) {
      std::string program = config_.program.empty() ? "/proc/self/exe" : config_.program;
      crashes_ = std::make_unique<inference::CrashReporter>(config_.crash_dir, std::move(program));
    }
    for (size_t i = 0; i < config_.models.size(); ++i) {
      STUDIO_TRY(auto replicas, Replicas::start({.model = config_.models[i],
                                                 .count = config_.replicas,
                                                 .worker = config_.worker,
                                                 .program = config_.program,
                                                 .socket_stem = config_.run_dir + "/" + std::to_string(i),
                                                 .public_texts = config_.public_texts,
                                                 .vocabulary_dir = config_.vocabulary_dir,
                                                 .hang = inference::HangLimits().scaled(config_.hang_patience),
                                                 .crashes = crashes_.get()}));
      replicas_.push_back(std::move(replicas));
    }
    for (auto& replicas : replicas_) {
      if (config_.on_progress) config_.on_progress("loading " + replicas->name() + " ...");
      STUDIO_TRY(ServedModel model, replicas->open(config_.load_deadline));
      metrics_.open_model(model.name);
      if (ready_.models.empty()) ready_.first_kind = model.kind();
      ready_.models.push_back(model.name);
      models_.add(std::move(model));
    }
    for (size_t i = 0; i < replicas_.size(); ++i) adapters_.open(*replicas_[i], config_.models[i].adapters);
    return Ok{};
  }

  Status listen(Listener listener) {
    Services services{.models = &models_,
                      .usage = config_.usage,
                      .metrics = &metrics_,
                      .open_answers = &open_answers_,
                      .kept = &kept_,
                      .weight_of = config_.weight_of,
                      .answer_limit = config_.answer_limit,
                      .post = [this](std::function<void()> work) { listening_.get()->post(std::move(work)); },
                      .open_connections = [this] { return listening_.get()->open_connections(); }};
    http::Router router;
    openai::add_routes(services, router);
    anthropic::add_routes(services, router);
    make_batch_runner(services);
    dashscope::add_routes(services, task_desk(), router);
    if (config_.key_ring) dashscope::add_token_routes(token_desk(), router);
    ollama::add_routes(services, router);
    if (config_.store) {
      auto shelf = std::make_shared<responses::Shelf>(config_.store);
      background_ = responses::Background::start(services, shelf);
      responses::add_routes({services, shelf, background_}, router);
    }
    add_model_routes(services, router);
    add_files_and_batches(services, router);
    add_system_routes(services, &is_draining_, router);
    auto sessions = std::make_shared<console::Sessions>();
    if (config_.console) {
      console::add_routes(services,
                          {.sessions = sessions,
                           .reveal_key = config_.console->reveal_key,
                           .keys = config_.console->keys,
                           .is_lent = has_temporary_key,
                           .adapters = &adapters_},
                          router);
    } else {
      add_plain_front_page(router);
    }

    http::ServerOptions options = listener.options;
    options.limits.heartbeat_every = config_.heartbeat_every;
    options.limits.stall_timeout = config_.stall_timeout;
    options.authenticate = bearer_authenticator(config_.keys);
    options.authenticate_session = console::session_authenticator(sessions);
    options.render_error = [this](const http::Request& request, int status, const Error& error) {
      metrics_.note_refusal(status);
      return render_server_error(request, status, error);
    };
    options.on_complete = [this](const http::ServerOptions::Completed& completed) { note_complete(completed); };
    STUDIO_TRY(server_, http::Server::start(std::move(options), std::move(router)));
    listening_promise_.set_value(server_.get());
    if (batch_runner_) batch_runner_->start();
    if (background_) STUDIO_CHECK_OK(background_->take_up());
    ready_.url = url_of(listener, server_->port());
    if (config_.console) ready_.console_link = console_link(ready_.url, sessions->new_link(config_.console->principal));
    log::info("gateway.ready", {{"url", ready_.url}, {"models", ready_.models.size()}});
    return Ok{};
  }

  // Made, to be woken; it runs once the server does.
  void make_batch_runner(const Services& services) {
    if (!config_.files || !config_.batches || !config_.tasks) return;
    batch_runner_ = std::make_unique<batches::Runner>(services, *config_.files, *config_.batches, *config_.tasks);
  }

  dashscope::TaskDesk task_desk() {
    if (!batch_runner_) return {};
    return {.files = config_.files.get(),
            .tasks = config_.tasks.get(),
            .wake = [runner = batch_runner_.get()] { runner->wake(); },
            .links = std::make_shared<dashscope::ResultLinks>()};
  }

  dashscope::TokenDesk token_desk() {
    return {.lend = [ring = config_.key_ring](const std::string& key_id,
                                              int64_t seconds) { return ring->lend(key_id, seconds); },
            .is_lent = has_temporary_key};
  }

  void add_files_and_batches(const Services& services, http::Router& router) {
    if (!batch_runner_) return;
    dashscope::add_file_routes({.files = config_.files.get(), .kept = services.kept}, router);
    openai::add_file_routes({.files = config_.files.get(), .kept = services.kept, .post = services.post}, router);
    openai::add_batch_routes({.files = config_.files.get(),
                              .batches = config_.batches.get(),
                              .kept = services.kept,
                              .wake = [runner = batch_runner_.get()] { runner->wake(); }},
                             router);
  }

  // In the words of the dialect that was spoken.
  static http::Response render_server_error(const http::Request& request, int status, const Error& error) {
    const auto render = [&](const Error& told) {
      if (anthropic::is_spoken(request)) return anthropic::error_response(status, told, request.request_id);
      if (dashscope::is_spoken(request)) return dashscope::error_response(status, told, request.request_id);
      if (ollama::is_spoken(request)) return ollama::error_response(status, told);
      return openai::error_response(status, told, request.request_id);
    };
    bool names_a_route = error.message().ends_with('?');
    if (status == 404 && !names_a_route) {
      return render(Error(Code::kNotFound, error.message() + " The API is under /v1, such as /v1/chat/completions."));
    }
    http::Response response = render(error);
    if (status == 401) response.fields.add("WWW-Authenticate", "Bearer");  // RFC 9110, 15.5.2
    return response;
  }

  void note_complete(const http::ServerOptions::Completed& completed) {
    const http::Request& request = completed.request;
    // Paths that match no route are a stranger's text: one label for all of them.
    std::string route = request.route.empty() ? "none" : request.route;
    double seconds = std::chrono::duration<double>(completed.duration).count();
    metrics_.requests.add({route, http::method_name(request.method), std::to_string(completed.status)});
    metrics_.request_seconds.observe({route}, seconds);
    log::info("http.request", {{"request_id", request.request_id},
                               {"client_request_id", request.client_request_id},
                               {"method", http::method_name(request.method)},
                               {"route", route},
                               {"status", completed.status},
                               {"client_gone", completed.client_gone},
                               {"key_id", request.principal},
                               {"peer", request.peer},
                               {"bytes", completed.body_bytes},
                               {"ms", seconds * 1e3}});
  }

  const GatewayConfig config_;
  GatewayReady ready_;
  GatewayMetrics metrics_;
  OpenAnswers open_answers_{config_.max_requests_per_key};
  KeptAnswers kept_{config_.kept_records};
  std::atomic<bool> is_draining_{false};
  bool is_stopped_ = false;
  std::promise<http::Server*> listening_promise_;
  std::shared_future<http::Server*> listening_ = listening_promise_.get_future().share();
  // In the order of their ends: the server, whose handlers use the models, goes first.
  std::unique_ptr<inference::CrashReporter> crashes_;
  ServedModels models_;
  std::shared_ptr<responses::Background> background_;
  LiveAdapters adapters_{models_, metrics_, config_.find_adapter};
  std::vector<std::unique_ptr<Replicas>> replicas_;  // one for each model
  std::unique_ptr<batches::Runner> batch_runner_;
  std::unique_ptr<http::Server> server_;
};

constexpr timespec kSignalPoll{.tv_sec = 0, .tv_nsec = 50'000'000};

}  // namespace

std::string console_link(const std::string& url, const std::string& token) {
  return url + "/login#" + token;
}

Result<std::unique_ptr<Gateway>> Gateway::start(const GatewayConfig& config) {
  auto gateway = std::make_unique<GatewayImpl>(config);
  STUDIO_CHECK_OK(gateway->start_all());
  return std::unique_ptr<Gateway>(std::move(gateway));
}

Status run_gateway(const GatewayConfig& config) {
  const sigset_t stops = block_stop_signals();

  GatewayImpl gateway(config);
  STUDIO_CHECK_OK(gateway.start_all());
  if (config.on_ready) config.on_ready(gateway.ready());
  int number = 0;
  while (::sigwait(&stops, &number) == 0 && number == SIGHUP && gateway.has_tls()) gateway.reload();
  log::info("gateway.draining", {{"signal", number}, {"deadline_ms", config.drain_deadline.count()}});
  if (config.on_progress) config.on_progress("stopping: open answers may finish; a second Ctrl-C cuts them");

  std::atomic<bool> is_done{false};
  std::thread drain([&] {
    gateway.stop(config.drain_deadline);
    is_done = true;
  });
  while (!is_done) {
    int again = ::sigtimedwait(&stops, nullptr, &kSignalPoll);
    if (again > 0 && again != SIGHUP) gateway.cut();
  }
  drain.join();
  log::info("gateway.stopped", {});
  log::flush();
  return Ok{};
}

}  // namespace studio::api
