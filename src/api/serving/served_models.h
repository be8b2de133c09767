// The models a gateway serves, by every name that clients may use.
//
// Threads: filled before the server listens, read-only after.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "inference/text_model.h"

namespace studio::api {

struct ServedModel {
  std::string name;
  std::vector<std::string> aliases;
  int64_t created = 0;  // Unix seconds
  std::shared_ptr<const inference::TextModel> text;
};

class ServedModels {
 public:
  void add(ServedModel model) { models_.push_back(std::move(model)); }
  // By name or alias; "default" is the first. Errors: not_found with the nearest name, param "model".
  Result<const ServedModel*> find(const std::string& name) const;
  const std::vector<ServedModel>& all() const { return models_; }

 private:
  std::vector<ServedModel> models_;
};

}  // namespace studio::api
