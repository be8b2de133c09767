#include "api/listener.h"

#include <chrono>

#include "base/log.h"
#include "http/origin_check.h"

namespace studio::api {
namespace {

using std::chrono::system_clock;

Error setting_error(const char* setting, const Error& why) {
  return Error(Code::kInvalidArgument, std::string(setting) + ": " + why.message());
}

Status take_door(const ListenerConfig& config, http::ServerOptions& options) {
  for (const std::string& host : config.allowed_hosts) {
    auto name = http::host_setting(host);
    if (!name.ok()) return setting_error("serve.allowed_hosts", name.error());
    options.allowed_hosts.push_back(std::move(*name));
  }
  for (const std::string& origin : config.allowed_origins) {
    Status valid = http::check_origin_setting(origin);
    if (!valid.ok()) return setting_error("serve.allowed_origins", valid.error());
    options.allowed_origins.push_back(origin);
  }
  for (const std::string& text : config.behind_proxy) {
    auto network = http::Network::parse(text);
    if (!network.ok()) return setting_error("serve.behind_proxy", network.error());
    options.proxies.push_back(*network);
  }
  return Ok{};
}

int64_t days_left(const http::CertificateFacts& facts) {
  return std::chrono::duration_cast<std::chrono::hours>(facts.not_after - system_clock::now()).count() / 24;
}

Status take_tls(const ListenerConfig& config, Listener& listener) {
  STUDIO_TRY(auto identity, http::load_tls(config.tls));
  if (identity.facts.has_expired(system_clock::now())) {
    // Refusing would turn a late renewal into an outage for clients that do not check.
    log::error("tls.expired", {{"certificate", config.tls.certificate}});
  }
  log::info("tls.loaded", {{"certificate", config.tls.certificate}, {"days_left", days_left(identity.facts)}});
  for (const std::string& name : identity.facts.names) {
    listener.options.allowed_hosts.push_back(name);
    bool is_plain_name = !name.starts_with("*.") && name.find(':') == std::string::npos;
    if (listener.host.empty() && is_plain_name) listener.host = name;
  }
  listener.options.tls = std::move(identity.context);
  return Ok{};
}

bool is_unspecified(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

}  // namespace

Result<Listener> open_listener(const ListenerConfig& config) {
  Listener listener;
  http::ServerOptions& options = listener.options;
  STUDIO_TRY(options.listen, http::ListenAddress::parse(config.listen));
  STUDIO_CHECK_OK(take_door(config, options));
  bool has_tls = !config.tls.certificate.empty() || !config.tls.key.empty();
  if (has_tls) STUDIO_CHECK_OK(take_tls(config, listener));
  bool is_remote = !options.listen.is_loopback();
  if (is_remote && !has_tls && options.proxies.empty()) {
    return Error(
        Code::kInvalidArgument,
        "refusing to listen on " + config.listen +
            ": other machines could reach it, and keys and prompts would cross the network in the clear. Give it "
            "a certificate (--tls-certificate FILE --tls-key FILE), name the proxy that speaks TLS in front "
            "(--behind-proxy ADDRESS), or listen on 127.0.0.1");
  }
  options.proxies_alone = is_remote && !has_tls;
  if (!listener.host.empty() && is_remote) return listener;
  const std::string& host = options.listen.host;
  if (is_unspecified(host)) {
    listener.host = host == "::" ? "[::1]" : "127.0.0.1";
  } else {
    listener.host = host.find(':') != std::string::npos ? "[" + host + "]" : host;
  }
  return listener;
}

std::string url_of(const Listener& listener, uint16_t port) {
  return (listener.options.tls ? "https://" : "http://") + listener.host + ":" + std::to_string(port);
}

Status reload_tls(const http::TlsFiles& files, http::Server& server) {
  STUDIO_TRY(auto identity, http::load_tls(files));
  if (identity.facts.has_expired(system_clock::now())) {
    return Error(Code::kFailedPrecondition, "the certificate in " + files.certificate + " has expired");
  }
  log::info("tls.reloaded", {{"certificate", files.certificate}, {"days_left", days_left(identity.facts)}});
  server.use_tls(std::move(identity.context));
  return Ok{};
}

}  // namespace studio::api
