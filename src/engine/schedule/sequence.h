// One request inside the scheduler: its ids, its pages, and what it still has to compute.
//
// Everything is a function of the ids: `ids` holds prompt and produced tokens, the state says how many of them are
// computed. One pending token is a decode step, more are a prompt (or the recomputation after losing the pages).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "engine/kv/prefix_tree.h"
#include "engine/kv/sequence_state.h"
#include "engine/lora/adapter.h"
#include "engine/sampling/token_history.h"
#include "engine/schedule/engine.h"
#include "engine/schedule/held_answer.h"
#include "engine/schedule/held_draft.h"
#include "engine/speculation/drafter.h"

namespace studio::engine {

// Which prefixes a sequence may share: those of its salt that were computed with its adapter. Keys and values are a
// function of both, so the root of the tree is too.
inline uint64_t prefix_root(uint64_t salt, std::string_view adapter_digest) {
  if (adapter_digest.empty()) return salt;
  const Sha256Digest digest = sha256(std::to_string(salt) + "/" + std::string(adapter_digest));
  uint64_t root = 0;
  for (size_t i = 0; i < sizeof root; ++i) root = root << 8 | digest[i];
  return root;
}

struct Sequence {
  using Clock = std::chrono::steady_clock;

  Sequence(uint64_t sequence_id, SequenceRequest what, TokenSink where, PagePool* pool,
           std::shared_ptr<const Adapter> on_top = nullptr, Clock::time_point now = Clock::now())
      : id(sequence_id),
        request(std::move(what)),
        sink(std::move(where)),
        state(pool),
        adapter(std::move(on_top)),
        submitted(now) {
    prompt_tokens = static_cast<int>(request.prompt.size());
    place.salt = prefix_root(request.prefix_salt, request.adapter);
    // What everybody shares was computed by the model alone.
    if (request.adapter.empty()) place.public_pages = std::min(request.public_tokens, prompt_tokens) / kPageTokens;
    ids = std::move(request.prompt);
    if (uses_history(request.sampling)) history.add_prompt(ids);
    if (request.constraint) held.emplace(*request.constraint);
    for (const TokenId token : request.resume) {
      append(token);
      note_drawn(token);
    }
  }

  int produced() const { return static_cast<int>(ids.size()) - prompt_tokens; }
  int pending() const { return static_cast<int>(ids.size()) - state.length(); }
  bool is_decoding() const { return pending() == 1; }

  void append(TokenId token) {
    ids.push_back(token);
    check = next_check(check, token);
    if (held_ahead > 0) {
      --held_ahead;
    } else if (held) {
      held->accept(token);
    }
  }
  // Before the draw of the token behind it, which may be before append().
  void note_drawn(TokenId token) {
    if (uses_history(request.sampling)) history.add_output(token);
  }

  // The token that must come as produced token `number`, whatever the logits say, or -1. Known when all tokens up to
  // the forced ones are produced.
  TokenId forced_at(int number) const {
    if (!request.forced_end.has_value()) return -1;
    const ForcedEnd& end = *request.forced_end;
    const int index = number - end.after_tokens;
    if (index < 0 || index >= static_cast<int>(end.forced.size())) return -1;
    const auto first = ids.begin() + prompt_tokens;
    const bool ended_itself = std::find(first, first + end.after_tokens, end.end_id) != first + end.after_tokens;
    return ended_itself ? -1 : end.forced[static_cast<size_t>(index)];
  }

  // Whether the produced ids are complete, and why.
  FinishReason finish() const {
    if (produced() == 0) return FinishReason::kNone;
    const std::vector<TokenId>& stops = request.stop_ids;
    if (std::find(stops.begin(), stops.end(), ids.back()) != stops.end()) return FinishReason::kStop;
    if (held && held_ahead == 0 && held->is_complete()) return FinishReason::kStop;
    return produced() >= request.max_new_tokens ? FinishReason::kLength : FinishReason::kNone;
  }

  Usage usage() const { return {prompt_tokens, cached_tokens, produced(), held_tokens, newly_held_tokens}; }

  // Whether it has yet to tell of its prompt: nothing of that may be found computed then, as it needs the logits.
  bool is_scoring() const { return request.scores_prompt && produced() == 0; }

  uint64_t id;
  SequenceRequest request;  // prompt moved into ids
  TokenSink sink;
  SequenceState state;
  std::shared_ptr<const Adapter> adapter;  // null: the base alone
  PrefixTree::Place place;                 // how many of its pages are shared
  std::vector<TokenId> ids;
  int prompt_tokens = 0;
  int cached_tokens = 0;           // of the prompt, found computed
  int held_tokens = 0;             // of the prompt, by its marks: held before
  int newly_held_tokens = 0;       // and held from its first token on
  int scored = 1;                  // of the prompt, told with their logprobs, or without: the first
  int reached = 0;                 // positions it once had computed; a preemption does not lower this
  bool waits_for_prefix = false;   // an older sequence computes the next page; of the step under way
  std::optional<HeldAnswer> held;  // where there is a constraint
  int held_ahead = 0;              // tokens that it has accepted as they were drawn, before append()
  double held_seconds = 0;         // spent on guessing by it; of the step under way
  HeldDraft held_draft;            // what may come by it, as far as guessed; of the step under way
  std::unique_ptr<Drafter> drafter;
  std::span<const TokenId> draft;  // fed behind the last id, for what it is worth; of the step under way
  int planned = 0;                 // tokens of the step under way
  double prompt_units = 0;         // that it has computed itself since it got its place
  int urgency = 0;                 // tokens that the first of those who wait for it has yet to compute, itself included
  const Clock::time_point submitted;
  uint64_t arrival = 0;  // its place among all that came
  uint32_t check = kFirstCheck;
  bool has_place = false;
  bool was_admitted = false;  // it waits again after losing its pages, which is not the queue's doing
  int drawn = 0;              // tokens since it got its place
  TokenHistory history;       // kept only where the sampling parameters look at it
};

}  // namespace studio::engine
