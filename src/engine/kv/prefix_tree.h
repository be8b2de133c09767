// Pages that are computed already, found by the tokens they were computed from.
//
// A tree whose every edge is one page: the path of a node is the tokens of all its positions. A page's keys and values
// are a function of exactly these tokens, to the bit, so a sequence that begins with them may hold the page instead of
// computing it. Salts part the tree: what one tenant asked is neither found nor timed by another. Tokens are compared
// themselves, never a digest of them, so no collision hands out a wrong page.
//
//   root of a salt ── 16 ids, page 7 ── 16 ids, page 3 ── 16 ids, page 9
//                                    └─ 16 ids, page 4 ── 5 ids, page 8     a tail: the rest of a sequence that ended
//
// Whole pages are held by any number of sequences. A tail, and a whole page of which only the beginning fits, is copied
// by the sequence that goes on behind it.
// Invariants: 1. who holds a node's page holds those of all its ancestors; so 2. the descendants of an idle page are
// idle, and 3. while there are idle pages, one of them is a leaf. 4. No tail is the beginning of a sibling.
// Room: the leaf that is worth least goes first, by GreedyDual (Young, 1994): worth is the cost of computing it again
// plus the worth that the last victim had when this one was last used, which is least recently used for equal costs.
// Source: RadixAttention (Zheng et al., 2023), section 3; there nodes are runs of tokens, here pages.
//
// Threads: the scheduler thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>

#include "engine/kv/page_pool.h"
#include "engine/kv/sequence_state.h"
#include "engine/tensor/token.h"

namespace studio::engine {

// What everybody may share: prefixes that the operator calls public.
inline constexpr uint64_t kPublicSalt = 0;

class PrefixTree final : public PagePool::Keeper {
  struct Node;

 public:
  // How far a sequence's pages are the tree's. Valid as long as the sequence holds them.
  struct Place {
    uint64_t salt = kPublicSalt;
    Node* node = nullptr;  // of the last of them; null before the first
    int pages = 0;
  };

  explicit PrefixTree(PagePool* pool);  // becomes its keeper
  ~PrefixTree();                        // every page it keeps is dropped
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;

  // Adopts the whole pages that continue `ids` behind the place.
  void extend(Place& place, std::span<const TokenId> ids, SequenceState& state);
  // Copies the page that begins as `ids` go on behind the place, if more of it fits than is computed. The sequence has
  // a page reserved for that. Not past the end of `ids`.
  void copy_beginning(const Place& place, std::span<const TokenId> ids, SequenceState& state);

  // Keeps the whole pages of `ids`, which are computed. A page that is there already takes the place of the sequence's.
  void insert(Place& place, std::span<const TokenId> ids, SequenceState& state);
  // Keeps what insert() left over, the last page, of a sequence that will write no more.
  void insert_tail(const Place& place, std::span<const TokenId> ids, const SequenceState& state);

  // Drops what nobody else holds or has built upon. The sequence has released its pages just now.
  void forget(const Place& place);
  void clear();

  void give_up_page() override;

  int pages() const { return pages_; }               // kept
  uint64_t evictions() const { return evictions_; }  // pages given up for room

 private:
  // The key of a node among its siblings, in the order of the alphabet: the siblings that share most with a key are
  // its neighbours.
  struct PageTokens {
    std::array<TokenId, kPageTokens> ids{};
    int count = 0;

    explicit PageTokens(std::span<const TokenId> from);
    std::span<const TokenId> span() const { return std::span(ids).first(static_cast<size_t>(count)); }
    bool operator<(const PageTokens& other) const;
  };
  // By worth, then by age; the page makes it unique.
  struct Rank {
    double worth = 0;
    uint64_t used = 0;
    int32_t page = -1;
    auto operator<=>(const Rank&) const = default;
  };
  using Children = std::map<PageTokens, std::unique_ptr<Node>>;
  struct Node {
    Node* parent = nullptr;  // null: a root
    uint64_t salt = kPublicSalt;
    Children::const_iterator at;  // among the parent's children
    Rank rank;                    // rank.page is the node's page
    double cost = 0;
    Children children;
  };

  Node* find(const Place& place);  // null where nothing is kept
  Node& find_or_make(const Place& place);
  Node* closest_child(Node& node, std::span<const TokenId> rest, int& common);
  Node& add(Node& parent, const PageTokens& tokens, int32_t page, int depth);
  void touch(Node& node);
  void remove(Node& leaf);

  PagePool* pool_;
  std::unordered_map<uint64_t, std::unique_ptr<Node>> roots_;  // none without children
  std::map<Rank, Node*> leaves_;
  int pages_ = 0;
  uint64_t evictions_ = 0;
  uint64_t uses_ = 0;
  double last_victim_ = 0;
};

}  // namespace studio::engine
