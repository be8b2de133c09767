// studio serve: the gateway over its workers, on this machine's data.
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "api/gateway.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "catalogue/adapter_library.h"
#include "cli/command.h"
#include "cli/engine_settings.h"
#include "cli/kept_records.h"
#include "cli/key_weights.h"
#include "cli/keys.h"
#include "cli/models.h"
#include "cli/panel_keeper.h"
#include "cli/settings.h"
#include "engine/formats/open_model.h"
#include "engine/formats/same_vocabulary.h"
#include "store/batches.h"
#include "store/files.h"
#include "store/store.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kPortsToTry = 20;  // after the default one, where other programs sit

// Of a file of serve.public_prefixes: over 200,000 tokens, more than the models' contexts hold.
constexpr size_t kMaxPublicTextBytes = 1 << 20;

// Nothing listens there now. Only the default address is tried like this: an address that was asked for is taken or
// refused by the gateway itself.
bool is_port_free(uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool is_free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno != EADDRINUSE;
  ::close(fd);
  return is_free;
}

std::string next_free_address(const std::string& listen) {
  size_t colon = listen.rfind(':');
  unsigned port = 0;
  std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
  for (int i = 0; i < kPortsToTry; ++i) {
    if (is_port_free(static_cast<uint16_t>(port + i))) return listen.substr(0, colon + 1) + std::to_string(port + i);
  }
  return listen;
}

api::ListenerConfig listener_config(const Config& settings) {
  api::ListenerConfig listener;
  listener.listen = settings.text("serve.listen");
  if (settings.is_default("serve.listen")) listener.listen = next_free_address(listener.listen);
  listener.allowed_hosts = settings.list("serve.allowed_hosts");
  listener.allowed_origins = settings.list("serve.allowed_origins");
  listener.behind_proxy = settings.list("serve.behind_proxy");
  listener.tls = {.certificate = expand_home(settings.text("serve.tls_certificate")),
                  .key = expand_home(settings.text("serve.tls_key"))};
  return listener;
}

Result<std::vector<std::string>> read_public_texts(const Config& settings) {
  std::vector<std::string> texts;
  for (const std::string& path : settings.list("serve.public_prefixes")) {
    auto text = read_file(expand_home(path), kMaxPublicTextBytes);
    if (!text.ok()) return Error(text.error().code(), "serve.public_prefixes: " + path + ": " + text.error().message());
    texts.push_back(std::move(*text));
  }
  return texts;
}

// Private ones tell of what was asked: a disk gets them only where that is wished. Without public ones there is nothing
// to keep then.
Status choose_kept_prefixes(const Config& settings, const std::string& data_dir, api::GatewayConfig& config) {
  engine::EngineOptions& engine = config.worker.engine;
  engine.prefix_file_bytes = settings.number("engine.prefix_file_bytes");
  engine.keeps_private_prefixes = settings.text("engine.kept_prefixes") == "all";
  const bool keeps_public = settings.text("engine.kept_prefixes") == "public" && !config.public_texts.empty();
  if (!engine.keeps_private_prefixes && !keeps_public) return Ok{};
  STUDIO_TRY(engine.prefix_folder, make_private_folder(data_dir, "prefixes"));
  return Ok{};
}

// What a worker would refuse while it loads is told before anything starts. A model is no draft model of its own.
Status choose_draft_model(Context& context, api::GatewayConfig& config) {
  const std::string& name = context.config.text("engine.draft_model");
  if (name.empty()) return Ok{};
  const auto told = [&](const Error& error, const std::string& what = "") {
    return Error(error.code(), "engine.draft_model: " + what + error.message());
  };
  const auto found = find_model(context, name);
  if (!found.ok()) return told(found.error());
  const auto draft = engine::read_model_head(found->path);
  if (!draft.ok()) return told(draft.error(), name + ": ");
  for (const api::GatewayModel& model : config.models) {
    if (model.path == found->path) continue;
    STUDIO_TRY(const auto head, engine::read_model_head(model.path));
    const Status fits = engine::check_same_vocabulary(head, *draft);
    if (!fits.ok()) return told(fits.error(), "'" + name + "' cannot guess for '" + model.name + "': ");
  }
  config.worker.engine.draft_model_path = found->path;
  return Ok{};
}

class ServeCommand final : public Command {
 public:
  std::string name() const override { return "serve"; }
  std::string summary() const override { return "Start a server; prints its address, a key and a curl line"; }
  std::string example() const override {
    return "  studio serve\n"
           "  studio serve --listen 127.0.0.1:9000 --model qwen2.5-coder-1.5b-instruct --model ./my.gguf\n"
           "  studio serve --model ./Qwen2.5-0.5B-Instruct";
  }
  Arguments::Settings settings() const override { return settings_; }

  void declare(Arguments& arguments) override {
    arguments.setting(&settings_, "serve.listen", "--listen", "HOST:PORT", "address; port 0 takes a free one");
    arguments.repeated(&models_, "--model", "NAME_OR_FILE", "model to serve; again for more");
    arguments.option(&key_.key, "--key", "KEY", "accept this key (visible to other users of the machine in `ps`)");
    arguments.option(&key_.key_file, "--key-file", "FILE", "accept the key in this file");
    arguments.setting(&settings_, "serve.tls_certificate", "--tls-certificate", "FILE",
                      "serve HTTPS with this certificate (PEM); SIGHUP reads it again");
    arguments.setting(&settings_, "serve.tls_key", "--tls-key", "FILE", "the certificate's key (PEM)");
    arguments.setting(&settings_, "serve.behind_proxy", "--behind-proxy", "ADDRESS",
                      "a proxy in front (address or network): it alone may connect from elsewhere");
    arguments.setting(&settings_, "serve.allowed_hosts", "--allowed-hosts", "NAME,...", "Host names to answer to");
    arguments.setting(&settings_, "serve.allowed_origins", "--allowed-origins", "ORIGIN,...",
                      "web pages of other origins that may call");
    arguments.setting(&settings_, "serve.replicas", "--replicas", "N", "workers of each model");
    arguments.setting(&settings_, "serve.log_level", "--log-level", "LEVEL", "debug, info, warn or error");
    declare_engine_flags(arguments, &settings_);
    arguments.setting(&settings_, "engine.draft_model", "--draft-model", "NAME_OR_FILE",
                      "a smaller model of the same vocabulary that guesses for the others");
  }

  Result<int> run(Context& context) override;

 private:
  Result<std::vector<api::GatewayModel>> find_models(Context& context);
  void announce(Context& context, const api::GatewayReady& ready, const std::string& key);

  Arguments::Settings settings_;
  std::vector<std::string> models_;
  KeyChoice key_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Result<std::vector<api::GatewayModel>> ServeCommand::find_models(Context& context) {
  std::vector<std::string> wanted = models_.empty() ? context.config.list("serve.models") : models_;
  std::vector<FoundModel> found;
  if (wanted.empty()) {
    STUDIO_TRY(auto model, find_default_model(context));
    found.push_back(std::move(model));
  }
  for (const std::string& name : wanted) {
    STUDIO_TRY(auto model, find_model(context, name));
    found.push_back(std::move(model));
  }
  std::vector<api::GatewayModel> models;
  for (FoundModel& model : found) {
    for (const auto& other : models) {
      if (other.name == model.name) {
        return Error(Code::kInvalidArgument, "two models are called '" + model.name + "'");
      }
    }
    STUDIO_TRY(auto adapters, adapters_of(context, model.name));
    models.push_back(
        {.name = model.name, .path = model.path, .aliases = model.aliases, .adapters = std::move(adapters)});
  }
  return models;
}

// What may be asked of the first model, whatever it is for.
std::string curl_line(const api::GatewayReady& ready, const std::string& key) {
  boost::json::object body{{"model", ready.models.front()}};
  std::string path;
  switch (ready.first_kind) {
    case api::ModelKind::kText:
      path = "/v1/chat/completions";
      body["messages"] =
          boost::json::array{boost::json::object{{"role", "user"}, {"content", "Write a haiku about the sea."}}};
      break;
    case api::ModelKind::kVectors:
      path = "/v1/embeddings";
      body["input"] = "A haiku about the sea.";
      break;
    case api::ModelKind::kScores:
      path = "/v1/reranks";
      body["query"] = "What is wet?";
      body["documents"] = boost::json::array{"A haiku about the sea.", "The desert at noon."};
      break;
  }
  return "  curl " + ready.url + path + " \\\n    -H 'Authorization: Bearer " + key +
         "' \\\n    -H 'Content-Type: application/json' \\\n    -d '" + to_json(body) + "'";
}

void ServeCommand::announce(Context& context, const api::GatewayReady& ready, const std::string& key) {
  Output& output = context.output;
  if (output.is_json()) {
    boost::json::array models(ready.models.begin(), ready.models.end());
    return output.print_json(
        boost::json::object{{"url", ready.url}, {"key", key}, {"models", models}, {"console", ready.console_link}});
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  char took[32];
  std::snprintf(took, sizeof took, "%.1f s", seconds);
  std::string models;
  for (const std::string& model : ready.models) models += (models.empty() ? "" : ", ") + model;
  output.print("\n" + output.green("Ready") + " after " + took + ". Ctrl-C stops it.\n\n  " + output.dim("console") +
               "  " + output.bold(ready.console_link) + "\n  " + output.dim("address") + "  " +
               output.bold(ready.url + "/v1") + "\n  " + output.dim("key") + "      " + output.bold(key) + "\n  " +
               output.dim(ready.models.size() == 1 ? "model    " : "models   ") + output.bold(models) +
               "\n\nTry it:\n\n" + curl_line(ready, key) +
               "\n\nOr talk to it in another terminal: studio chat. The console's link works once; studio console "
               "prints another.\n");
}

Result<int> ServeCommand::run(Context& context) {
  std::string data_dir = context.data_dir();
  STUDIO_CHECK_OK(make_data_dir(data_dir));
  STUDIO_TRY(auto options, worker_options(context.config));
  STUDIO_TRY(auto level, log::parse_level(options.log_level));
  log::configure(level, "gateway");
  STUDIO_TRY(auto opened, store::Store::open(data_dir));
  std::shared_ptr<store::Store> store = std::move(opened);
  key_.configured_file = expand_home(context.config.text("serve.key_file"));
  STUDIO_TRY(auto key, prepare_serve_key(key_, data_dir, store));

  api::GatewayConfig config;
  STUDIO_TRY(config.models, find_models(context));
  find_kept_panels(context, config.models);
  config.find_adapter = [library = catalogue::AdapterLibrary(data_dir)](
                            const std::string& model, const std::string& adapter) -> Result<api::GatewayAdapter> {
    STUDIO_TRY(const auto found, library.find(model, adapter));
    return gateway_adapter(found);
  };
  config.listener = listener_config(context.config);
  config.worker = std::move(options);
  STUDIO_CHECK_OK(choose_draft_model(context, config));
  STUDIO_TRY(config.run_dir, make_run_dir(data_dir));
  STUDIO_TRY(config.public_texts, read_public_texts(context.config));
  STUDIO_CHECK_OK(choose_kept_prefixes(context.config, data_dir, config));
  config.crash_dir = data_dir + "/crashes";
  config.vocabulary_dir = data_dir + "/vocabularies";
  config.keys = key.verifier;
  config.key_ring = key.ring;
  config.usage = make_usage_sink(store);
  STUDIO_TRY(const std::string files_dir, make_private_folder(data_dir, "files"));
  STUDIO_TRY(config.files, store::Files::open(store, files_dir));
  config.batches = std::make_shared<store::Batches>(store);
  config.tasks = std::make_shared<store::Tasks>(store);
  config.store = store;
  config.kept_records = make_kept_records(store);
  config.console = api::ConsoleConfig{.principal = key.key_id,
                                      .reveal_key = [text = key.key]() -> Result<std::string> { return text; },
                                      .keys = key.ring};
  STUDIO_TRY(config.weight_of, weights_of_keys(context.config.list("serve.key_weights"), key.ring));
  config.answer_limit = std::chrono::seconds(context.config.number("serve.answer_seconds"));
  config.drain_deadline = std::chrono::seconds(context.config.number("serve.drain_seconds"));
  config.heartbeat_every = std::chrono::seconds(context.config.number("serve.heartbeat_seconds"));
  config.stall_timeout = std::chrono::seconds(context.config.number("serve.stall_seconds"));
  config.max_requests_per_key = static_cast<int>(context.config.number("serve.max_requests_per_key"));
  config.replicas = static_cast<int>(context.config.number("serve.replicas"));
  config.hang_patience = static_cast<int>(context.config.number("serve.hang_patience"));
  config.load_deadline = std::chrono::seconds(context.config.number("serve.load_seconds"));
  config.on_progress = [&](const std::string& text) { context.output.note(context.output.dim(text)); };
  std::string server_file = data_dir + "/server.json";
  config.on_ready = [&](const api::GatewayReady& ready) {
    boost::json::array models(ready.models.begin(), ready.models.end());
    boost::json::object here{{"url", ready.url}, {"pid", ::getpid()}, {"models", models}};
    // Only a help for the other commands: without it they start a server of their own.
    Status written = write_file_atomically(server_file, to_json(here) + "\n", 0600);
    if (!written.ok()) log::warn("serve.server_file", {{"detail", written.error().message()}});
    announce(context, ready, key.key);
    keep_panels_of(context, config.models);
  };
  Status status = api::run_gateway(config);
  std::error_code ignored;
  fs::remove(server_file, ignored);
  if (!status.ok()) return std::move(status).error();
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_serve_command() {
  return std::make_unique<ServeCommand>();
}

}  // namespace studio::cli
