#include "api/ollama/find_model.h"

#include <string_view>

namespace studio::api::ollama {
namespace {

constexpr std::string_view kLatest = ":latest";  // what these clients write behind a name without a tag

}  // namespace

Result<ServedModelPtr> find_model(const Services& services, const std::string& name) {
  auto model = services.models->find(name);
  if (model.ok() || !name.ends_with(kLatest)) return model;
  auto untagged = services.models->find(name.substr(0, name.size() - kLatest.size()));
  return untagged.ok() ? untagged : model;
}

Result<ServedModelPtr> find_model(const Services& services, const std::string& name, ModelKind kind) {
  STUDIO_TRY(const ServedModelPtr model, find_model(services, name));
  return services.models->find(name == "default" ? name : model->name, kind);
}

}  // namespace studio::api::ollama
