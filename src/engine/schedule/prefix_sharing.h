// Sequences that begin alike compute the beginning once: what they take from the prefix tree, and what they give to it.
//
// Pages enter the tree in the step that fills them. A sequence whose next page an older running one has yet to compute
// waits for it, a page at a time, and asks again in each step: when the older one is cancelled, preempted or fails, no
// one computes the page any more, and the sequence goes on itself from what is there. The oldest never waits, so
// somebody always computes.
// The last token of a sequence is always computed: its logits are what the next one is drawn from.
// Threads: the scheduler thread.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/kv/prefix_tree.h"
#include "engine/schedule/sequence.h"

namespace studio::engine {

class PrefixSharing {
 public:
  // Without `is_on` every sequence computes all of its tokens.
  PrefixSharing(PagePool& pages, bool is_on);

  // The sequence holds what whole pages of its tokens are computed already.
  void take(Sequence& sequence);
  // And what is computed of the page after them, once all its pages are reserved and it waits for nobody.
  void take_beginning(Sequence& sequence);
  // Whether an older running sequence has yet to compute the page that this one needs next.
  static bool will_compute_for(const Sequence& older, const Sequence& sequence);

  // `tokens` of the sequence are computed in this step: counts what it did not have to compute before them.
  void count(Sequence& sequence, int tokens);
  // Keeps the pages that the last step filled.
  void give(Sequence& sequence);
  // The sequence lets go of its pages; what it computed is kept while there is room.
  void leave(Sequence& sequence);
  // The same where its numbers came out wrong: nobody shall build upon them.
  void fail(Sequence& sequence);

  uint64_t cached_tokens() const { return cached_tokens_; }  // of prompts, taken instead of computed
  uint64_t prefills() const { return prefills_; }            // times a sequence was computed from its first token

 private:
  std::optional<PrefixTree> tree_;
  uint64_t cached_tokens_ = 0;
  uint64_t prefills_ = 0;
};

}  // namespace studio::engine
