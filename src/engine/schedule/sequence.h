// One request inside the scheduler: its ids, its pages, and what it still has to compute.
//
// Everything is a function of the ids: `ids` holds prompt and produced tokens, the state says how many of them are
// computed. One pending token is a decode step, more are a prompt (or the recomputation after losing the pages).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
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
  Sequence(uint64_t sequence_id, SequenceRequest what, TokenSink where, PagePool* pool,
           std::shared_ptr<const Adapter> on_top = nullptr)
      : id(sequence_id), request(std::move(what)), sink(std::move(where)), state(pool), adapter(std::move(on_top)) {
    place.salt = prefix_root(request.prefix_salt, request.adapter);
    prompt_tokens = static_cast<int>(request.prompt.size());
    ids = std::move(request.prompt);
    if (uses_history(request.sampling)) history.add_prompt(ids);
    for (const TokenId token : request.resume) append(token);
  }

  int produced() const { return static_cast<int>(ids.size()) - prompt_tokens; }
  int pending() const { return static_cast<int>(ids.size()) - state.length(); }
  bool is_decoding() const { return pending() == 1; }

  void append(TokenId token) {
    ids.push_back(token);
    check = next_check(check, token);
    if (uses_history(request.sampling)) history.add_output(token);
  }

  // The token that must come next whatever the logits say, or -1.
  TokenId forced_next() const {
    if (!request.forced_end.has_value()) return -1;
    const ForcedEnd& end = *request.forced_end;
    const int index = produced() - end.after_tokens;
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
    return produced() >= request.max_new_tokens ? FinishReason::kLength : FinishReason::kNone;
  }

  Usage usage() const { return {prompt_tokens, cached_tokens, produced()}; }

  uint64_t id;
  SequenceRequest request;  // prompt moved into ids
  TokenSink sink;
  SequenceState state;
  std::shared_ptr<const Adapter> adapter;  // null: the base alone
  PrefixTree::Place place;                 // how many of its pages are shared
  std::vector<TokenId> ids;
  int prompt_tokens = 0;
  int cached_tokens = 0;          // of the prompt, found computed
  int reached = 0;                // positions it once had computed; a preemption does not lower this
  bool waits_for_prefix = false;  // an older sequence computes the next page; of the step under way
  const std::chrono::steady_clock::time_point submitted = std::chrono::steady_clock::now();
  uint32_t check = kFirstCheck;
  bool was_admitted = false;  // it waits again after losing its pages, which is not the queue's doing
  TokenHistory history;       // kept only where the sampling parameters look at it
};

}  // namespace studio::engine
