// The models a gateway serves, by every name that clients may use: those it started with, and their adapters, which
// come and go ("base:adapter").
//
// Threads: any. A model that was found stays usable for who holds it, also after it was removed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/serving/model_kind.h"
#include "base/result.h"
#include "inference/encoder_model.h"
#include "inference/text_model.h"

namespace studio::api {

struct ServedModel {
  std::string name;
  std::vector<std::string> aliases;
  int64_t created = 0;                               // Unix seconds
  std::shared_ptr<const inference::TextModel> text;  // one of these two
  std::shared_ptr<const inference::EncoderModel> encoder = {};
  std::string base = {};     // of an adapter: the model that it stands on
  std::string adapter = {};  // its digest; empty: a model of its own

  ModelKind kind() const;
  inference::ModelStatus status() const;
  int context_tokens() const;
};
using ServedModelPtr = std::shared_ptr<const ServedModel>;

inline constexpr char kAdapterSeparator = ':';

class ServedModels {
 public:
  void add(ServedModel model);
  // Under its whole name, "base:adapter". Errors: conflict where that is taken.
  Result<ServedModelPtr> add_adapter(const ServedModelPtr& base, const std::string& adapter, std::string digest,
                                     int64_t created);
  // Errors: not_found where no adapter has that name.
  Result<ServedModelPtr> remove_adapter(const std::string& name);

  // By name or alias; "default" is the first. Of an adapter the part before ':' may be any name of its base. Errors:
  // not_found with the nearest name, param "model".
  Result<ServedModelPtr> find(const std::string& name) const;
  // The same of a model of that kind; "default" is the first of them. Errors also: invalid_argument where a model of
  // another kind has the name, with what it is for.
  Result<ServedModelPtr> find(const std::string& name, ModelKind kind) const;
  std::vector<ServedModelPtr> all() const;    // adapters behind their base, by name
  std::vector<ServedModelPtr> bases() const;  // without the adapters
  std::vector<ServedModelPtr> adapters_of(const std::string& base) const;

 private:
  ServedModelPtr find_base(const std::string& name) const;

  mutable std::mutex mutex_;
  std::vector<ServedModelPtr> models_;    // those it started with
  std::vector<ServedModelPtr> adapters_;  // by name
};

}  // namespace studio::api
