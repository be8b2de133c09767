// A server to talk to: one that was named, the one that serves this data folder, or one of our own for a while.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/gateway.h"
#include "cli/api_client.h"
#include "cli/command.h"

namespace studio::cli {

// The address of the server that runs on this data folder and answers; empty where none does.
std::string running_server(const Context& context);

struct RunningServer {
  std::string url;
  int pid = 0;
  ApiClient client;
};
// The same with its process, for those who need one. Errors: not_found where none answers.
Result<RunningServer> find_running_server(const Context& context);

class ServerSession {
 public:
  // In this order: STUDIO_BASE_URL (with STUDIO_KEY) or OPENAI_BASE_URL (with OPENAI_API_KEY); the server running on
  // the data folder, if it serves the model; else a private one, on a free port of this machine, that ends with the
  // session, and may use `context` until then. `wanted` is a name or file, empty for the default. Private servers write
  // no usage.
  static Result<std::unique_ptr<ServerSession>> open(Context& context, const std::string& wanted);
  ~ServerSession();

  ApiClient& client() { return client_; }
  const std::string& model() const { return model_; }  // as the server calls it
  bool is_private() const { return gateway_ != nullptr; }

 private:
  ServerSession(ApiClient client, std::string model) : client_(std::move(client)), model_(std::move(model)) {}
  static Result<std::unique_ptr<ServerSession>> start_private(Context& context, const std::string& wanted);

  ApiClient client_;
  std::string model_;
  std::unique_ptr<api::Gateway> gateway_;
  std::function<void()> at_end_;  // of a private one, after its answers
  std::string run_dir_;
};

}  // namespace studio::cli
