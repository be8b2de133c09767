// Where the gateway listens and whom it lets in: what the settings say, checked as a whole before anything starts.
//
// Beyond loopback a listener speaks TLS, or takes connections from a named proxy alone: keys and prompts never cross a
// network in the clear by default.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/server.h"

namespace studio::api {

struct ListenerConfig {
  std::string listen = "127.0.0.1:8080";     // HOST:PORT or [V6]:PORT; port 0 takes a free one
  std::vector<std::string> allowed_hosts;    // Host names beside loopback ones, the address and the certificate's names
  std::vector<std::string> allowed_origins;  // pages that may call: "https://app.example.com"
  std::vector<std::string> behind_proxy;     // addresses or networks of proxies in front
  http::TlsFiles tls;                        // both or none
};

struct Listener {
  http::ServerOptions options;  // the address and the door; the rest is the gateway's
  std::string host;             // as clients on this machine, or by the certificate's name, reach it
};

// Errors: invalid_argument, with the setting's name and what to write instead.
Result<Listener> open_listener(const ListenerConfig& config);
std::string url_of(const Listener& listener, uint16_t port);

// Reads the certificate files again for connections to come. An unusable file, or a certificate that has expired, is an
// error and changes nothing.
Status reload_tls(const http::TlsFiles& files, http::Server& server);

}  // namespace studio::api
