#include "engine/lora/adapter_set.h"

#include <utility>

namespace studio::engine {

Status AdapterSet::load(std::string_view digest, std::span<const uint8_t> file, const ModelSource& base) {
  if (find(digest) != nullptr) return Ok{};
  if (static_cast<int64_t>(file.size()) > kMaxAdapterBytes) {
    return Error(Code::kPayloadTooLarge, "the adapter has " + std::to_string(file.size()) + " bytes; " +
                                             std::to_string(kMaxAdapterBytes) + " are the most that are taken");
  }
  STUDIO_TRY(auto adapter, Adapter::load(file, base));
  if (adapter->digest() != digest) {
    return Error(Code::kCorruptData, "the adapter's file is not the one that was added: its digest differs");
  }
  std::scoped_lock lock(mutex_);
  if (adapters_.contains(digest)) return Ok{};
  if (adapters_.size() >= kMaxAdapters) {
    return Error(Code::kOverloaded,
                 "the model holds " + std::to_string(kMaxAdapters) + " adapters already; remove one");
  }
  if (bytes_ + adapter->bytes() > kMaxAdaptersBytes) {
    return Error(Code::kOverloaded, "the model's adapters take " + std::to_string(bytes_) +
                                        " bytes already, and no more room is given to them; remove one");
  }
  bytes_ += adapter->bytes();
  adapters_.emplace(digest, std::move(adapter));
  return Ok{};
}

bool AdapterSet::drop(std::string_view digest) {
  std::shared_ptr<const Adapter> dropped;  // freed outside the lock
  std::scoped_lock lock(mutex_);
  const auto found = adapters_.find(digest);
  if (found == adapters_.end()) return false;
  dropped = std::move(found->second);
  bytes_ -= dropped->bytes();
  adapters_.erase(found);
  return true;
}

std::shared_ptr<const Adapter> AdapterSet::find(std::string_view digest) const {
  std::scoped_lock lock(mutex_);
  const auto found = adapters_.find(digest);
  return found == adapters_.end() ? nullptr : found->second;
}

int AdapterSet::count() const {
  std::scoped_lock lock(mutex_);
  return static_cast<int>(adapters_.size());
}

int64_t AdapterSet::bytes() const {
  std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace studio::engine
