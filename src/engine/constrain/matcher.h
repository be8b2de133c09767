// One answer held to its constraint: what may come next, token by token or byte by byte.
//
// The state is a function of the bytes so far. A matcher is a few words: copy it to look ahead, copy it back to undo.
// Matchers of one pool share what is learnt (states, masks), so a pool serves all requests with the same constraint and
// vocabulary. Where shared tables have no room, a matcher takes its state to fresh ones: what others asked changes no
// answer. What fresh tables of its own have no room for is over: is_exhausted().
// Threads: a pool and its matchers belong to one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/constrain/constraint.h"
#include "engine/constrain/json_layout.h"
#include "engine/constrain/token_trie.h"

namespace studio::engine::constrain {

// New matchers begin with fresh tables once those under way have reached this; nothing is forgotten under a matcher.
inline constexpr size_t kFreshTablesBytes = 24u << 20;
// What one automaton may take at most, its program included.
inline constexpr size_t kMaxTablesBytes = 48u << 20;
// The same in work: some 50 ms, which is what one look of one answer may keep the others waiting. A large schema's
// states take a hundredth of it, all together.
inline constexpr uint64_t kMaxTablesWork = 1'000'000;
// The same of what is made before an answer begins: a form's keys and marks, mostly all of them.
inline constexpr uint64_t kAheadWork = 20'000;
// Masks kept beside it: 400 of a vocabulary of 150,000.
inline constexpr size_t kMaxMaskBytes = 8u << 20;

class Matcher {
 public:
  // The token's bytes may come next, or it ends the answer where that may end. False for ids outside the vocabulary.
  bool allows(TokenId id) const;
  // Takes the token; false, and nothing changes, where it is not allowed.
  bool accept(TokenId id);
  // The same for text.
  bool accept_text(std::string_view text);

  // The text so far satisfies the constraint.
  bool may_end() const;
  // Nothing may follow but the end.
  bool is_complete() const;
  // An end token was accepted: nothing may follow.
  bool has_ended() const { return has_ended_; }
  // What must come next, up to `limit` bytes: as long as there is one way to go on, but for white space, which is taken
  // as `layout`, which has read the text so far, says. So a guess. May end within a character, and its last bytes may
  // belong to a token that goes on.
  std::string likely_text(JsonLayout layout, size_t limit) const;
  // That is some text.
  bool has_likely(const JsonLayout& layout) const {
    return !has_ended_ && !is_over_ && likely_byte(state_, layout) >= 0;
  }

  // Every token that may come next. Kept by state: the same state gives the same mask without work.
  std::shared_ptr<const TokenMask> mask() const;
  // It is kept already.
  bool knows_mask() const { return has_ended_ || tables_->masks.contains(state_); }

  // Nothing follows any more but an end, where the text may end.
  void give_up() { is_over_ = true; }
  // Why nothing may follow where nothing does: it takes more than tables hold, or the text nests past kMaxStackDepth.
  bool is_exhausted() const;

 private:
  friend class MatcherPool;
  struct Tables;
  struct Newest {
    std::shared_ptr<Tables> tables;
  };
  struct alignas(64) Tables {  // a line of memory begins with what each step looks at
    Tables(std::shared_ptr<const Program> program, std::shared_ptr<const TokenTrie> vocabulary,
           std::weak_ptr<Newest> those_of_the_pool)
        : automaton(std::move(program), {.memory_bytes = kMaxTablesBytes, .work = kMaxTablesWork}),
          trie(std::move(vocabulary)),
          newest(std::move(those_of_the_pool)) {}
    Automaton automaton;
    const std::shared_ptr<const TokenTrie> trie;
    const std::weak_ptr<Newest> newest;
    std::unordered_map<StateId, std::shared_ptr<const TokenMask>> masks;
  };
  explicit Matcher(std::shared_ptr<Tables> tables)
      : tables_(std::move(tables)), state_(tables_->automaton.start()), is_over_(state_ == Automaton::kDead) {}

  // What `look` finds, in tables that have room for all it looks at; nothing where none have.
  template <typename Look>
  auto find(const Look& look) const -> std::optional<decltype(look())>;
  // Goes on in other tables. False where they have no room for the state.
  bool move_to(std::shared_ptr<Tables> tables) const;
  bool move_to_newest() const;
  bool move_to_fresh() const;

  StateId state_after(std::string_view text) const;
  void go_to(StateId next);
  TokenMask only_ends() const;
  // The next of likely_text(); -1 for none.
  int likely_byte(StateId state, const JsonLayout& layout) const;

  // Where the state is kept is nothing of the state.
  mutable std::shared_ptr<Tables> tables_;
  mutable StateId state_;
  mutable bool is_over_ = false;
  // The token that was asked about last where it may come, and the state behind it: mostly it is taken next.
  mutable TokenId asked_ = -1;
  mutable StateId behind_asked_ = Automaton::kDead;
  bool has_ended_ = false;
};

class MatcherPool {
 public:
  MatcherPool(std::shared_ptr<const Constraint> constraint, std::shared_ptr<const TokenTrie> vocabulary)
      : constraint_(std::move(constraint)), vocabulary_(std::move(vocabulary)) {}

  // At the start of an answer.
  Matcher start();
  // Makes what answers are likely to pass first, in less than a millisecond: that they need not make it while others
  // wait.
  void make_ahead();
  size_t memory_bytes() const { return newest_->tables ? newest_->tables->automaton.memory_bytes() : 0; }

 private:
  std::shared_ptr<const Constraint> constraint_;
  std::shared_ptr<const TokenTrie> vocabulary_;
  std::shared_ptr<Matcher::Newest> newest_ = std::make_shared<Matcher::Newest>();
};

}  // namespace studio::engine::constrain
