#include "engine/speculation/past_outputs.h"

#include <algorithm>
#include <utility>

namespace studio::engine {

size_t PastOutputs::Tenant::tokens() const {
  return (young ? young->text().size() : 0) + (old ? old->text().size() : 0);
}

PastOutputs::View PastOutputs::of(uint64_t salt) {
  const auto found = tenants_.find(salt);
  if (found == tenants_.end()) return {};
  found->second.used = ++uses_;
  return {found->second.young, found->second.old};
}

void PastOutputs::keep(uint64_t salt, std::span<const TokenId> text) {
  if (text.empty()) return;
  text = text.first(std::min(text.size(), kTextTokens - 1));  // and its border
  Tenant& tenant = tenants_[salt];
  tenant.used = ++uses_;
  tokens_ -= tenant.tokens();
  if (tenant.young && tenant.young->text().size() + text.size() >= kTextTokens) {
    tenant.old = std::exchange(tenant.young, nullptr);
  }
  if (!tenant.young) tenant.young = std::make_shared<SuffixAutomaton>();
  for (const TokenId token : text) tenant.young->append(token);
  tenant.young->end_text();
  tokens_ += tenant.tokens();
  while (tokens_ > kTotalTokens || tenants_.size() > kTenants) drop_oldest();
}

void PastOutputs::drop_oldest() {
  const auto oldest =
      std::ranges::min_element(tenants_, {}, [](const auto& tenant) -> uint64_t { return tenant.second.used; });
  tokens_ -= oldest->second.tokens();
  tenants_.erase(oldest);
}

}  // namespace studio::engine
