#include "api/serving/served_models.h"

#include <algorithm>

#include "api/serving/fields.h"
#include "base/nearest_name.h"

namespace studio::api {
Result<const ServedModel*> ServedModels::find(const std::string& name) const {
  std::vector<std::string> known;
  for (const ServedModel& model : models_) {
    const auto& aliases = model.aliases;
    if (model.name == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return &model;
    known.push_back(model.name);
    known.insert(known.end(), aliases.begin(), aliases.end());
  }
  if (name == "default" && !models_.empty()) return &models_.front();
  return Error(Code::kNotFound, "The model '" + excerpt(name) + "' is not served here" + did_you_mean(name, known) +
                                    " (GET /v1/models lists those that are).")
      .with_param("model");
}

}  // namespace studio::api
