#include "engine/schedule/fair_share.h"

#include <algorithm>

namespace studio::engine {

void FairShare::enter(uint64_t id, int weight) {
  Tenant& tenant = tenants_[id];
  tenant.id = id;
  tenant.weight = weight;
  if (tenant.sequences++ == 0) tenant.without_place = ++ranks_;
}

void FairShare::leave(uint64_t id) {
  Tenant& tenant = at(id);
  if (--tenant.sequences > 0) return;
  tenant.steps_unserved = 0;
  if (tenant.clock <= now_) tenants_.erase(id);
}

void FairShare::give_place(uint64_t id) {
  Tenant& tenant = at(id);
  if (--tenant.running == 0) tenant.without_place = ++ranks_;
}

int FairShare::size() const {
  return static_cast<int>(
      std::count_if(tenants_.begin(), tenants_.end(), [](const auto& entry) { return entry.second.sequences > 0; }));
}

int FairShare::weights() const {
  int sum = 0;
  for (const auto& [id, tenant] : tenants_) sum += tenant.sequences > 0 ? tenant.weight : 0;
  return sum;
}

int FairShare::without_place() const {
  return static_cast<int>(std::count_if(tenants_.begin(), tenants_.end(), [](const auto& entry) {
    return entry.second.sequences > 0 && entry.second.running == 0;
  }));
}

bool FairShare::comes_first(const Tenant& a, const Tenant& b) {
  if (a.running * b.weight != b.running * a.weight) return a.running * b.weight < b.running * a.weight;
  return a.without_place < b.without_place;
}

void FairShare::begin_step() {
  for (auto& [id, tenant] : tenants_) tenant.wants = tenant.is_served = false;
}

void FairShare::compete() {
  for (auto& [id, tenant] : tenants_) {
    if (tenant.wants && !tenant.competes) tenant.clock = std::max(tenant.clock, now_);
    tenant.competes = tenant.wants;
  }
}

FairShare::Tenant* FairShare::next() {
  Tenant* first = nullptr;
  for (auto& [id, tenant] : tenants_) {
    if (tenant.wants && (first == nullptr || tenant.clock < first->clock)) first = &tenant;
  }
  return first;
}

void FairShare::charge(Tenant& tenant, double units) {
  now_ = tenant.clock;
  tenant.clock += units / tenant.weight;
}

void FairShare::end_step() {
  std::erase_if(tenants_,
                [this](const auto& entry) { return entry.second.sequences == 0 && entry.second.clock <= now_; });
  for (auto& [id, tenant] : tenants_) {
    if (tenant.sequences == 0) continue;
    tenant.steps_unserved = tenant.is_served ? 0 : tenant.steps_unserved + 1;
    longest_unserved_ = std::max(longest_unserved_, tenant.steps_unserved);
  }
}

int FairShare::steps_to_next_piece() const {
  int steps = 1;
  for (const auto& [id, tenant] : tenants_) steps += tenant.weight + 1;
  return steps;
}

}  // namespace studio::engine
