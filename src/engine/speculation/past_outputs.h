// What each tenant's sequences have answered of late: where drafts for its next answers are looked up.
//
// A tenant's answers stand in two automata: a young one that grows, and an old one, which the young one replaces when
// it is full. So the last kTextTokens tokens at least are there, twice as many at most, and nothing is ever taken out
// of an automaton. Tenants do not see each other's: how fast an answer comes would tell what others were answered.
// Threads: the scheduler thread. A view stays valid, and its young automaton goes on growing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "engine/speculation/suffix_automaton.h"

namespace studio::engine {

class PastOutputs {
 public:
  static constexpr size_t kTextTokens = 8192;      // of one automaton: some tens of answers, 1 MB
  static constexpr size_t kTotalTokens = 1 << 18;  // of all tenants, the one used longest ago goes first: 26 MB
  static constexpr size_t kTenants = 256;          // so that looking for that one stays short

  // The young one and the old one; null where there is none.
  using View = std::array<std::shared_ptr<const SuffixAutomaton>, 2>;

  View of(uint64_t salt);
  // One text, of which the first kTextTokens at most are kept.
  void keep(uint64_t salt, std::span<const TokenId> text);

  size_t tokens() const { return tokens_; }
  size_t tenants() const { return tenants_.size(); }

 private:
  struct Tenant {
    std::shared_ptr<SuffixAutomaton> young, old;
    uint64_t used = 0;

    size_t tokens() const;
  };
  void drop_oldest();

  std::unordered_map<uint64_t, Tenant> tenants_;
  size_t tokens_ = 0;
  uint64_t uses_ = 0;
};

}  // namespace studio::engine
