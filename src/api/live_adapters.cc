#include "api/live_adapters.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "engine/lora/adapter_set.h"

namespace studio::api {
namespace {

// A file that cannot be applied is at fault itself, and who adds it is to hear why.
Error told(const Error& error) {
  if (error.code() != Code::kCorruptData && error.code() != Code::kUnimplemented) return error;
  return Error(Code::kFailedPrecondition, error.message()).with_param("name");
}

}  // namespace

void LiveAdapters::open(Replicas& replicas, const std::vector<GatewayAdapter>& adapters) {
  replicas_.emplace(replicas.name(), &replicas);
  auto base = models_.find(replicas.name());
  if (!base.ok()) return;
  for (const GatewayAdapter& adapter : adapters) {
    auto served = serve(*base, adapter);
    if (!served.ok()) log::error("adapter.not_served", {{"adapter", adapter.name}, {"why", served.error().message()}});
  }
}

Result<ServedModelPtr> LiveAdapters::serve(const ServedModelPtr& base, const GatewayAdapter& adapter) {
  STUDIO_TRY(auto served, models_.add_adapter(base, adapter.name, adapter.sha256, adapter.created));
  metrics_.open_adapter(served->name);
  return served;
}

bool LiveAdapters::begin(const std::string& name) {
  std::scoped_lock lock(mutex_);
  return under_way_.insert(name).second;
}

void LiveAdapters::end(const std::string& name) {
  std::scoped_lock lock(mutex_);
  under_way_.erase(name);
}

void LiveAdapters::add(const std::string& model, const std::string& adapter,
                       std::function<void(Result<ServedModelPtr>)> done) {
  auto base = models_.find(model);
  if (!base.ok()) return done(std::move(base).error());
  if (!find_) return done(Error(Code::kUnimplemented, "This server takes no adapters while it runs."));
  if ((*base)->kind() != ModelKind::kText) {
    return done(Error(Code::kInvalidArgument,
                      "model: adapters are for models that write text, not for '" + (*base)->name + "'.")
                    .with_param("model"));
  }
  if (!(*base)->adapter.empty()) {
    return done(Error(Code::kInvalidArgument, "model: an adapter stands on a model, not on '" + (*base)->name + "'.")
                    .with_param("model"));
  }
  auto file = find_((*base)->name, adapter);
  if (!file.ok()) return done(told(file.error()));
  const std::string name = (*base)->name + kAdapterSeparator + file->name;
  if (auto there = models_.find(name); there.ok()) {
    if ((*there)->adapter == file->sha256) return done(*there);
    return done(
        Error(Code::kConflict, "Another file is served as '" + name + "'; remove it first.").with_param("name"));
  }
  if (models_.adapters_of((*base)->name).size() >= engine::kMaxAdapters) {
    return done(Error(Code::kOverloaded, "'" + (*base)->name + "' has " + std::to_string(engine::kMaxAdapters) +
                                             " adapters already; remove one."));
  }
  if (!begin(name)) return done(Error(Code::kConflict, "'" + name + "' is being added or removed.").with_param("name"));
  auto loaded = [this, base = *base, file = *file, name, done = std::move(done)](const Status& status) {
    Result<ServedModelPtr> served = status.ok() ? serve(base, file) : Result<ServedModelPtr>(told(status.error()));
    end(name);
    if (served.ok()) log::info("adapter.added", {{"adapter", name}, {"digest", file.sha256}});
    done(std::move(served));
  };
  replicas_.at((*base)->name)->client()->load_adapter({file->sha256, file->path}, loaded);
}

void LiveAdapters::remove(const std::string& name, std::function<void(Status)> done) {
  if (!begin(name)) return done(Error(Code::kConflict, "'" + name + "' is being added or removed.").with_param("name"));
  auto removed = models_.remove_adapter(name);
  if (!removed.ok()) {
    end(name);
    return done(std::move(removed).error());
  }
  const ServedModelPtr adapter = *removed;
  auto dropped = [this, name, done = std::move(done)] {
    end(name);
    log::info("adapter.removed", {{"adapter", name}});
    done(Ok{});
  };
  // Two names may stand for one file.
  const auto others = models_.adapters_of(adapter->base);
  const bool is_used =
      std::ranges::any_of(others, [&](const auto& other) { return other->adapter == adapter->adapter; });
  if (is_used) return dropped();
  replicas_.at(adapter->base)->client()->drop_adapter(adapter->adapter, dropped);
}

}  // namespace studio::api
