// The gateway over a worker program that a test chooses, such as one that dies on request. The product has no such
// choice: its workers are always the program itself.
//
// Usage: gateway_over_worker WORKER_PROGRAM MODEL_FILE RUN_DIR KEY REPLICAS; prints {"url", "models"} when it is ready,
// drains on SIGTERM.
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>

#include "api/gateway.h"
#include "base/json.h"
#include "base/log.h"
#include "store/store.h"

namespace {

class NoRecord final : public studio::inference::UsageSink {
 public:
  studio::Status record(const studio::inference::UsageRecord&) override { return studio::Ok{}; }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: gateway_over_worker WORKER_PROGRAM MODEL_FILE RUN_DIR KEY REPLICAS\n");
    return 2;
  }
  using namespace studio;
  log::configure(log::Level::kInfo, "gateway");
  api::GatewayConfig config;
  config.listener.listen = "127.0.0.1:0";
  config.program = argv[1];
  config.models.push_back({.name = "tiny", .path = argv[2], .aliases = {}});
  config.run_dir = argv[3];
  config.keys = std::make_shared<api::FixedKeyVerifier>(
      std::vector<api::FixedKeyVerifier::Entry>{{"test", api::digest_key(argv[4])}});
  config.usage = std::make_shared<NoRecord>();
  auto store = store::Store::open(config.run_dir);
  if (!store.ok()) {
    std::fprintf(stderr, "gateway: %s\n", store.error().message().c_str());
    return 1;
  }
  config.store = std::move(*store);
  config.replicas = std::atoi(argv[5]);
  config.on_ready = [](const api::GatewayReady& ready) {
    boost::json::array models(ready.models.begin(), ready.models.end());
    std::printf("%s\n", to_json(boost::json::object{{"url", ready.url}, {"models", models}}).c_str());
    std::fflush(stdout);
  };
  Status status = api::run_gateway(config);
  if (!status.ok()) std::fprintf(stderr, "gateway: %s\n", status.error().message().c_str());
  return status.ok() ? 0 : 1;
}
