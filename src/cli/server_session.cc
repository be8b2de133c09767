#include "cli/server_session.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/nearest_name.h"
#include "catalogue/hub_repository.h"
#include "cli/engine_settings.h"
#include "cli/keys.h"
#include "cli/models.h"
#include "cli/panel_keeper.h"
#include "cli/settings.h"

namespace studio::cli {
namespace {

constexpr size_t kMaxServerFileBytes = 64 << 10;
constexpr long kAliveMs = 2000;  // a server of this machine answers at once, but the machine may be busy

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

struct ServerFile {
  std::string url;  // empty when no server has written one
  int pid = 0;
};

// DATA/server.json.
ServerFile read_server_file(const std::string& data_dir) {
  auto text = read_file(data_dir + "/server.json", kMaxServerFileBytes);
  auto json = text.ok() ? parse_json(*text) : Result<boost::json::value>(text.error());
  const boost::json::object* object = json.ok() ? json->if_object() : nullptr;
  const boost::json::value* url = object ? object->if_contains("url") : nullptr;
  const boost::json::value* pid = object ? object->if_contains("pid") : nullptr;
  ServerFile file;
  if (url && url->is_string()) file.url = std::string(url->get_string());
  if (pid && pid->is_int64()) file.pid = static_cast<int>(pid->get_int64());
  return file;
}

std::string address_of_running_server(const std::string& data_dir) {
  return read_server_file(data_dir).url;
}

Result<std::string> key_of_running_server(const Context& context) {
  return local_key(context.data_dir(), expand_home(context.config.text("serve.key_file")));
}

// Private servers are not billed.
class NoUsage final : public inference::UsageSink {
 public:
  Status record(const inference::UsageRecord&) override { return Ok{}; }
};

// The model among those a server has: the one wanted, or its first.
Result<std::string> choose_model(const std::vector<std::string>& served, const std::string& wanted) {
  if (served.empty()) return Error(Code::kNotFound, "the server has no model");
  if (wanted.empty()) return served.front();
  if (std::find(served.begin(), served.end(), wanted) != served.end()) return wanted;
  return Error(Code::kNotFound, "the server has no model '" + wanted + "'" + did_you_mean(wanted, served));
}

}  // namespace

std::string running_server(const Context& context) {
  std::string url = address_of_running_server(context.data_dir());
  auto key = url.empty() ? Result<std::string>(std::string()) : key_of_running_server(context);
  if (url.empty() || !ApiClient(url, key.ok() ? *key : "").is_alive(kAliveMs)) return "";
  return url;
}

Result<RunningServer> find_running_server(const Context& context) {
  ServerFile file = read_server_file(context.data_dir());
  const Error none(Code::kNotFound, "no server is running on " + context.data_dir() + " (studio serve starts one)");
  if (file.url.empty() || file.pid <= 1) return none;
  STUDIO_TRY(auto key, key_of_running_server(context));
  ApiClient client(file.url, key);
  if (!client.is_alive(kAliveMs)) return none;
  return RunningServer{file.url, file.pid, std::move(client)};
}

Result<std::unique_ptr<ServerSession>> ServerSession::open(Context& context, const std::string& wanted) {
  STUDIO_TRY(auto own_key, environment_key());
  for (const auto& [address, key] :
       {std::pair{variable("STUDIO_BASE_URL"), own_key}, {variable("OPENAI_BASE_URL"), variable("OPENAI_API_KEY")}}) {
    if (address.empty()) continue;
    ApiClient client(address, key);
    STUDIO_TRY(auto served, client.models());
    STUDIO_TRY(auto model, choose_model(served, wanted));
    return std::unique_ptr<ServerSession>(new ServerSession(std::move(client), model));
  }
  std::string running = address_of_running_server(context.data_dir());
  auto key = running.empty() ? Result<std::string>(std::string()) : key_of_running_server(context);
  if (!running.empty() && key.ok()) {
    ApiClient client(running, *key);
    // The catalogue's aliases are names too; whatever this server does not have, a private one may.
    STUDIO_TRY(auto catalogue, context.catalogue());
    const catalogue::Model* entry = catalogue.find(wanted);
    if (client.is_alive(kAliveMs)) {
      auto served = client.models();
      auto model =
          served.ok() ? choose_model(*served, entry ? entry->name : wanted) : Result<std::string>(served.error());
      if (model.ok()) return std::unique_ptr<ServerSession>(new ServerSession(std::move(client), *model));
    }
  }
  return start_private(context, wanted);
}

Result<std::unique_ptr<ServerSession>> ServerSession::start_private(Context& context, const std::string& wanted) {
  // Of "model:adapter" the model is what is loaded.
  const size_t colon = wanted.rfind(':');
  const auto repository = catalogue::parse_repository_name(wanted);
  const bool has_adapter = colon != std::string::npos && repository.ok() && !*repository &&
                           catalogue::is_model_name(wanted.substr(colon + 1));
  const std::string base = has_adapter ? wanted.substr(0, colon) : wanted;
  STUDIO_TRY(auto model, base.empty() ? find_default_model(context) : find_model(context, base));
  STUDIO_TRY(auto adapters, adapters_of(context, model.name));
  context.output.note(context.output.dim("loading " + model.name + " ..."));
  std::string key = keys::new_key();
  std::string run_dir = "/tmp/studio-XXXXXX";
  if (!::mkdtemp(run_dir.data())) return Error(Code::kPermissionDenied, "cannot make a folder in /tmp");

  api::GatewayConfig config;
  config.listener.listen = "127.0.0.1:0";
  const std::string name = has_adapter ? model.name + wanted.substr(colon) : model.name;
  if (has_adapter)
    STUDIO_CHECK_OK(catalogue::AdapterLibrary(context.data_dir()).find(model.name, wanted.substr(colon + 1)));
  config.models = {{.name = model.name, .path = model.path, .aliases = model.aliases, .adapters = std::move(adapters)}};
  find_kept_panels(context, config.models);
  STUDIO_TRY(config.worker, worker_options(context.config));
  if (context.config.is_default("serve.log_level")) config.worker.log_level = "error";  // people are reading
  STUDIO_TRY(auto level, log::parse_level(config.worker.log_level));
  log::configure(level, "gateway");
  config.run_dir = run_dir;
  config.crash_dir = context.data_dir() + "/crashes";
  config.vocabulary_dir = context.data_dir() + "/vocabularies";
  config.keys = std::make_shared<api::FixedKeyVerifier>(
      std::vector<api::FixedKeyVerifier::Entry>{{"key_private", api::digest_key(key)}});
  config.usage = std::make_shared<NoUsage>();
  config.load_deadline = std::chrono::seconds(context.config.number("serve.load_seconds"));
  auto gateway = api::Gateway::start(config);
  if (!gateway.ok()) {
    std::error_code ignored;
    std::filesystem::remove_all(run_dir, ignored);
    return gateway.error();
  }
  std::unique_ptr<ServerSession> session(
      new ServerSession(ApiClient((*gateway)->ready().url, key, Reach::kOwnServer), name));
  session->gateway_ = std::move(*gateway);
  session->run_dir_ = run_dir;
  session->at_end_ = [&context, models = config.models] { keep_panels_of(context, models); };
  return session;
}

ServerSession::~ServerSession() {
  if (!gateway_) return;
  gateway_->stop(std::chrono::milliseconds(0));
  gateway_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(run_dir_, ignored);
  at_end_();
}

}  // namespace studio::cli
