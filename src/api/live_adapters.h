// The adapters of a running gateway: names in ServedModels, files in the model's workers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/gateway.h"
#include "api/replicas.h"
#include "api/serving/adapter_desk.h"
#include "api/serving/metrics.h"

namespace studio::api {

class LiveAdapters final : public AdapterDesk {
 public:
  using Find = std::function<Result<GatewayAdapter>(const std::string& model, const std::string& adapter)>;

  LiveAdapters(ServedModels& models, GatewayMetrics& metrics, Find find)
      : models_(models), metrics_(metrics), find_(std::move(find)) {}

  // Before the server listens: a model's workers, which hold `adapters` already.
  void open(Replicas& replicas, const std::vector<GatewayAdapter>& adapters);

  void add(const std::string& model, const std::string& adapter,
           std::function<void(Result<ServedModelPtr>)> done) override;
  void remove(const std::string& name, std::function<void(Status)> done) override;

 private:
  Result<ServedModelPtr> serve(const ServedModelPtr& base, const GatewayAdapter& adapter);
  bool begin(const std::string& name);  // false: it is under way
  void end(const std::string& name);

  ServedModels& models_;
  GatewayMetrics& metrics_;
  const Find find_;
  std::map<std::string, Replicas*> replicas_;  // by model; filled by open()
  std::mutex mutex_;
  std::set<std::string> under_way_;  // whole names that are being added or removed
};

}  // namespace studio::api
