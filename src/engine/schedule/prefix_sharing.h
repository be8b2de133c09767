// Sequences that begin alike compute the beginning once: what they take from the prefix tree, and what they give to it.
//
// Pages enter the tree in the step that fills them. A sequence whose next page an older running one has yet to compute
// waits for it, a page at a time, and asks again in each step: when the older one is cancelled, preempted or fails, no
// one computes the page any more, and the sequence goes on itself from what is there. The oldest never waits, so
// somebody always computes.
// The last token of a prompt is computed too, for its logits, unless they are kept: then nothing is. Pages may also
// come from a file and go there (kv/prefix_file.h), a few in each step, so that running streams do not wait for them.
// Threads: the scheduler thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/kv/prefix_tree.h"
#include "engine/schedule/sequence.h"

namespace studio::engine {

// Of pages read from the file in one step: about a millisecond, less than a step takes.
inline constexpr int64_t kRestoredBytesPerStep = int64_t{8} << 20;

class PrefixSharing {
 public:
  // Without `is_on` every sequence computes all of its tokens.
  PrefixSharing(PagePool& pages, bool is_on, int64_t restored_bytes_per_step = kRestoredBytesPerStep);
  // Before the first sequence comes. Nothing where sharing is off.
  void use_file(PrefixFile file, PrefixTree::Writes writes);

  // The sequence holds what whole pages of its tokens are computed already.
  void take(Sequence& sequence);
  // And those after them that the file has, into the pages that it has reserved. True: there are more, in the next
  // step.
  bool restore(Sequence& sequence);
  // And what is computed of the page after them, once all its pages are reserved and it waits for nobody.
  void take_beginning(Sequence& sequence);
  // The logits [V] after a prompt of which nothing is left to compute then; empty where something is.
  std::span<const float> take_end(Sequence& sequence);
  // Whether an older running sequence has yet to compute the page that this one needs next.
  static bool will_compute_for(const Sequence& older, const Sequence& sequence);

  // `tokens` of the sequence are computed in this step: counts what it did not have to compute before them.
  void count(Sequence& sequence, int tokens);
  // Keeps the pages that the last step filled.
  void give(Sequence& sequence);
  // Keeps the logits [V] that the sequence's last token, its first one, was drawn from.
  void give_end(Sequence& sequence, std::span<const float> logits);
  // Holds what its request marks of the prompt, all of which is computed, and notes in it what was held before.
  void hold(Sequence& sequence, std::chrono::steady_clock::time_point now);
  // The sequence lets go of its pages; what it computed is kept while there is room.
  void leave(Sequence& sequence);
  // The same where its numbers came out wrong: nobody shall build upon them.
  void fail(Sequence& sequence);

  // A step begins: it may restore anew, one page goes to the file, and holds end whose time is over.
  void begin_step(std::chrono::steady_clock::time_point now);
  // No step comes any more: writes what waits to be written, for at most `time`.
  void write_rest(std::chrono::steady_clock::duration time);
  // Whether pages wait to be written to the file.
  bool has_unwritten() const { return tree_ && tree_->has_unwritten(); }

  uint64_t cached_tokens() const { return cached_tokens_; }  // of prompts, taken instead of computed
  uint64_t prefills() const { return prefills_; }            // times a sequence was computed from its first token
  uint64_t whole_prompts() const { return whole_prompts_; }  // prompts of which nothing was computed
  uint64_t pages_restored() const { return tree_ ? tree_->restored() : 0; }
  int pages_held() const { return tree_ ? tree_->held() : 0; }
  int pages_in_file() const { return tree_ ? tree_->pages_in_file() : 0; }

 private:
  std::optional<PrefixTree> tree_;
  uint64_t cached_tokens_ = 0;
  uint64_t prefills_ = 0;
  uint64_t whole_prompts_ = 0;
  int pages_per_step_;  // restored at most
  int budget_ = 0;      // of the step under way
};

}  // namespace studio::engine
