// Pages that are computed already, found by the tokens they were computed from.
//
// A tree whose every edge is one page: the path of a node is the tokens of all its positions. A page's keys and values
// are a function of exactly these tokens, to the bit, so a sequence that begins with them may hold the page instead of
// computing it. Salts part the tree: what one tenant asked is neither found nor timed by another. Tokens are compared
// themselves, never a digest of them, so no collision hands out a wrong page.
//
//   root ── public, 16 ids, page 7 ── salt 5, 16 ids, page 3 ── salt 5, 16 ids, page 9
//                                  └─ salt 8, 16 ids, page 4 ── salt 8, 5 ids, page 8    a tail: the rest of a sequence
//
// Whole pages are held by any number of sequences. A tail, and a whole page of which only the beginning fits, is copied
// by the sequence that goes on behind it. What the model said at the end of a prompt is kept too, for the same prompt
// to come again.
// Invariants: 1. who holds a node's page holds those of all its ancestors; so 2. the descendants of an idle page are
// idle, and 3. while there are idle pages, one of them is a leaf. 4. No tail is the beginning of a sibling.
// Room: the leaf that is worth least goes first, by GreedyDual (Young, 1994): worth is the cost of computing it again
// plus the worth that the last victim had when this one was last used, which is least recently used for equal costs.
// A beginning may be held for a time: its pages go after all others (prefix_holds.cc).
// Whole pages may be written to a file (prefix_file.h), and come back from there.
// Source: RadixAttention (Zheng et al., 2023), section 3; there nodes are runs of tokens, here pages.
//
// Threads: the scheduler thread.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/kv/page_pool.h"
#include "engine/kv/prefix_file.h"
#include "engine/kv/sequence_state.h"
#include "engine/tensor/token.h"

namespace studio::engine {

// What everybody may share: prefixes that the operator calls public.
inline constexpr uint64_t kPublicSalt = 0;
// Ends of prompts whose logits are kept, all together: 55 for Qwen's vocabulary, more prompts than run at once.
inline constexpr int64_t kStoredLogitsBytes = int64_t{32} << 20;
// Of all pages, that may be held: the other half is enough for what is asked meanwhile.
inline constexpr int kHeldShare = 2;
// Holds at once. Each has a page of its own but for those of public pages, which every salt may hold.
inline constexpr size_t kMaxHolds = 4096;

class PrefixTree final : public PagePool::Keeper {
  struct Node;

 public:
  // How far a sequence's pages are the tree's. Valid as long as the sequence holds them.
  struct Place {
    uint64_t salt = kPublicSalt;
    int public_pages = 0;  // the first ones, which are everybody's whatever the salt
    Node* node = nullptr;  // of the last of them; null before the first
    int pages = 0;

    uint64_t salt_of(int page) const { return page < public_pages ? kPublicSalt : salt; }
    void rewind() { node = nullptr, pages = 0; }
  };
  enum class Writes { kPublicPages, kAllPages };
  using Time = std::chrono::steady_clock::time_point;

  explicit PrefixTree(PagePool* pool);  // becomes its keeper
  ~PrefixTree();                        // every page it keeps is dropped
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;

  // Before the first page comes: where whole pages are written, and where restore() finds them.
  void use_file(PrefixFile file, Writes writes);

  // Adopts the whole pages that continue `ids` behind the place.
  void extend(Place& place, std::span<const TokenId> ids, SequenceState& state);
  // The same from the file, into pages that the sequence has reserved, at most `budget` of them, which it lowers. True
  // where more could be found with more of it.
  bool restore(Place& place, std::span<const TokenId> ids, SequenceState& state, int& budget);
  // Copies the page that begins as `ids` go on behind the place, if more of it fits than is computed. The sequence has
  // a page reserved for that. Not past the end of `ids`.
  void copy_beginning(const Place& place, std::span<const TokenId> ids, SequenceState& state);

  // Keeps the whole pages of `ids`, which are computed. A page that is there already takes the place of the sequence's.
  void insert(Place& place, std::span<const TokenId> ids, SequenceState& state);
  // Keeps what insert() left over, the last page, of a sequence that will write no more.
  void insert_tail(const Place& place, std::span<const TokenId> ids, const SequenceState& state);

  // Keeps the logits [V] that come after `ids`, whose whole pages are inserted.
  void keep_logits(const Place& place, std::span<const TokenId> ids, std::span<const float> logits);
  // Those logits, where they are kept and all of `ids` is found computed: the sequence holds it then. Otherwise empty,
  // and nothing has changed. Valid until the next call that keeps something.
  std::span<const float> take_end(Place& place, std::span<const TokenId> ids, SequenceState& state);

  // Of the place's first `most` pages, how many its salt holds.
  int held_pages(const Place& place, int most) const;
  // Holds the place's first `pages` pages, one at least, for its salt: they are given up last, until that time or a
  // later one that they are held till already. Where there is no room for more, the salt's holds that end first go.
  // False: there is none then either.
  bool hold(const Place& place, int pages, Time until);
  void end_holds(Time now);  // whose time is over

  // Drops what nobody else holds or has built upon, here and in the file. The sequence has released its pages just now.
  void forget(const Place& place);
  void clear();

  void give_up_page() override;

  // Writes the page that has waited longest for it to the file; false when there is none.
  bool write_page();
  bool has_unwritten() const { return !unwritten_.empty(); }

  int pages() const { return pages_; }               // kept
  uint64_t evictions() const { return evictions_; }  // pages given up for room
  uint64_t restored() const { return restored_; }    // pages that came from the file
  int held() const { return held_; }                 // pages
  int pages_in_file() const { return file_ ? file_->pages() : 0; }
  int ends() const { return static_cast<int>(ends_.size()); }  // with their logits

 private:
  // The key of a node among its siblings: by salt, then in the order of the alphabet, so that the siblings that share
  // most with a key are its neighbours.
  struct Key {
    uint64_t salt = kPublicSalt;
    std::array<TokenId, kPageTokens> ids{};
    int count = 0;

    Key(uint64_t of, std::span<const TokenId> from);
    std::span<const TokenId> span() const { return std::span(ids).first(static_cast<size_t>(count)); }
    bool operator<(const Key& other) const;
  };
  // What is held last, then by worth, then by age; the page makes it unique.
  struct Rank {
    bool is_held = false;
    double worth = 0;
    uint64_t used = 0;
    int32_t page = -1;
    auto operator<=>(const Rank&) const = default;
  };
  // What comes after all pages of a node and the ids of the key, which fill no page.
  struct End {
    Node* node;
    Key key;
    std::vector<float> logits;  // [V] f32
  };
  using Ends = std::list<End>;  // used last first
  struct Hold {
    Node* node;  // the last of the held pages
    uint64_t salt;
    Time until;
  };
  using Holds = std::list<Hold>;
  using Children = std::map<Key, std::unique_ptr<Node>>;
  struct Node {
    Node* parent = nullptr;       // null: the root
    Children::const_iterator at;  // among the parent's children
    Rank rank;                    // rank.page is the node's page
    double cost = 0;
    int depth = 0;  // pages before its own
    Children children;
    std::map<Key, Ends::iterator> ends;
    std::vector<Holds::iterator> holds;
    int holds_on = 0;         // of this node and its descendants
    PrefixAddress address{};  // where there is a file
    int slot = -1;            // of the file
    std::optional<std::list<Node*>::iterator> unwritten;
  };

  Node& node_of(const Place& place) { return place.node != nullptr ? *place.node : root_; }
  static Key key_at(const Place& place, int page, std::span<const TokenId> ids);
  Node* closest_child(Node& node, const Key& rest, int& common);
  Node& add(Node& parent, const Key& key, int32_t page);
  void touch(Node& node);
  void remove(Node& leaf);
  void remove_end(Ends::iterator end);
  Ends::iterator find_end(const Place& place, std::span<const TokenId> ids);
  PrefixRecord record_of(const Node& parent, const Key& key) const;
  void link(Node& node, int slot);
  Node* ancestor_at(const Place& place, int pages) const;
  static int not_held(const Node& last);
  bool drop_oldest(uint64_t salt, Time before);
  void drop_hold(Holds::iterator hold);
  void rerank(Node& node);

  PagePool* pool_;
  Node root_;
  std::map<Rank, Node*> leaves_;
  Ends ends_;
  Holds holds_;
  int held_ = 0;  // pages
  int pages_ = 0;
  uint64_t evictions_ = 0, restored_ = 0;
  uint64_t uses_ = 0;
  double last_victim_ = 0;

  std::optional<PrefixFile> file_;
  Writes writes_ = Writes::kPublicPages;
  std::list<Node*> unwritten_;    // oldest first, so that parents come before their children
  std::vector<Node*> in_memory_;  // for each slot of the file the node with the same page, or null
};

}  // namespace studio::engine
