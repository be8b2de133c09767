#include "api/serving/served_models.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/serving/fields.h"
#include "base/nearest_name.h"

namespace studio::api {
namespace {

const std::string& name_of(const ServedModelPtr& model) {
  return model->name;
}

// Each the rest of a sentence that begins with the model's name.
const char* purpose_of(ModelKind kind) {
  switch (kind) {
    case ModelKind::kText:
      return "writes text (POST /v1/chat/completions)";
    case ModelKind::kVectors:
      return "makes embeddings (POST /v1/embeddings)";
    case ModelKind::kScores:
      return "ranks documents (POST /v1/reranks)";
  }
  return "";
}

const char* wanted_kind(ModelKind kind) {
  switch (kind) {
    case ModelKind::kText:
      return "one that writes text";
    case ModelKind::kVectors:
      return "one for embeddings";
    case ModelKind::kScores:
      return "one that ranks documents";
  }
  return "";
}

}  // namespace

ModelKind ServedModel::kind() const {
  if (!encoder) return ModelKind::kText;
  return encoder->config().ranks() ? ModelKind::kScores : ModelKind::kVectors;
}

inference::ModelStatus ServedModel::status() const {
  return encoder ? encoder->client().status() : text->client().status();
}

int ServedModel::context_tokens() const {
  return encoder ? encoder->context_tokens() : text->context_tokens();
}

void ServedModels::add(ServedModel model) {
  std::scoped_lock lock(mutex_);
  models_.push_back(std::make_shared<const ServedModel>(std::move(model)));
}

Result<ServedModelPtr> ServedModels::add_adapter(const ServedModelPtr& base, const std::string& adapter,
                                                 std::string digest, int64_t created) {
  auto model = std::make_shared<const ServedModel>(ServedModel{.name = base->name + kAdapterSeparator + adapter,
                                                               .aliases = {},
                                                               .created = created,
                                                               .text = base->text,
                                                               .base = base->name,
                                                               .adapter = std::move(digest)});
  std::scoped_lock lock(mutex_);
  const auto place = std::ranges::lower_bound(adapters_, model->name, {}, name_of);
  if (place != adapters_.end() && (*place)->name == model->name) {
    return Error(Code::kConflict, "The adapter '" + model->name + "' is served already.").with_param("name");
  }
  adapters_.insert(place, model);
  return ServedModelPtr(std::move(model));
}

Result<ServedModelPtr> ServedModels::remove_adapter(const std::string& name) {
  std::scoped_lock lock(mutex_);
  const auto place = std::ranges::find(adapters_, name, name_of);
  if (place == adapters_.end()) {
    return Error(Code::kNotFound, "No adapter '" + excerpt(name) + "' is served here.").with_param("name");
  }
  ServedModelPtr removed = *place;
  adapters_.erase(place);
  return removed;
}

// With mutex_ held; nullptr: nothing is called so.
ServedModelPtr ServedModels::find_base(const std::string& name) const {
  for (const ServedModelPtr& model : models_) {
    const auto& aliases = model->aliases;
    if (model->name == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return model;
  }
  return name == "default" && !models_.empty() ? models_.front() : nullptr;
}

Result<ServedModelPtr> ServedModels::find(const std::string& name) const {
  std::scoped_lock lock(mutex_);
  if (ServedModelPtr base = find_base(name)) return base;
  const size_t colon = name.find(kAdapterSeparator);
  if (const ServedModelPtr base = find_base(name.substr(0, colon)); base && colon != std::string::npos) {
    const auto adapter = std::ranges::find(adapters_, base->name + name.substr(colon), name_of);
    if (adapter != adapters_.end()) return *adapter;
  }
  std::vector<std::string> known;
  for (const ServedModelPtr& model : models_) {
    known.push_back(model->name);
    known.insert(known.end(), model->aliases.begin(), model->aliases.end());
  }
  for (const ServedModelPtr& adapter : adapters_) known.push_back(adapter->name);
  return Error(Code::kNotFound, "The model '" + excerpt(name) + "' is not served here" + did_you_mean(name, known) +
                                    " (GET /v1/models lists those that are).")
      .with_param("model");
}

Result<ServedModelPtr> ServedModels::find(const std::string& name, ModelKind kind) const {
  STUDIO_TRY(const ServedModelPtr found, find(name));
  if (found->kind() == kind) return found;
  std::string others;
  for (const ServedModelPtr& model : all()) {
    if (model->kind() != kind) continue;
    if (name == "default" && found->name != name) return model;
    others += (others.empty() ? "" : ", ") + model->name;
  }
  return Error(Code::kInvalidArgument, "The model '" + found->name + "' " + purpose_of(found->kind()) +
                                           "; this request needs " + wanted_kind(kind) +
                                           (others.empty() ? ", and none is served here." : ": " + others + "."))
      .with_param("model");
}

std::vector<ServedModelPtr> ServedModels::all() const {
  std::scoped_lock lock(mutex_);
  std::vector<ServedModelPtr> all;
  for (const ServedModelPtr& base : models_) {
    all.push_back(base);
    std::ranges::copy_if(adapters_, std::back_inserter(all), [&](const auto& a) { return a->base == base->name; });
  }
  return all;
}

std::vector<ServedModelPtr> ServedModels::bases() const {
  std::scoped_lock lock(mutex_);
  return models_;
}

std::vector<ServedModelPtr> ServedModels::adapters_of(const std::string& base) const {
  std::scoped_lock lock(mutex_);
  std::vector<ServedModelPtr> found;
  std::ranges::copy_if(adapters_, std::back_inserter(found), [&](const auto& a) { return a->base == base; });
  return found;
}

}  // namespace studio::api
