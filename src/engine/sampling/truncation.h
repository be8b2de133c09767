// Where top_k, top_p and min_p cut the vocabulary.
//
// Sorted by falling logit, ties by rising id, each of the three keeps a beginning of the list; so what they keep
// together is everything up to one boundary token, and nothing needs a full sort. top_p counts the weights of what
// top_k left; the smallest beginning with at least that share stays, one token at least.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampling/params.h"
#include "engine/sampling/vocab_passes.h"

namespace studio::engine {

struct Candidate {
  float logit;
  TokenId id;
  int64_t weight;  // units of 2^-40

  // Before in the order above.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  }
};

// Lists of one selection at a time.
struct SelectionScratch {
  explicit SelectionScratch(int vocab_size) : ids(static_cast<size_t>(vocab_size)) {}

  std::vector<TokenId> ids;  // [V]
  std::vector<Candidate> members;
};

// The `count` first tokens of the order (all where V has fewer), by rising id. Only what reaches the count-th largest
// block maximum is looked at: a few times `count` tokens unless many are equal. Returns their weight.
int64_t list_first(const VocabRow& row, int count, SelectionScratch& scratch, std::vector<Candidate>& out);

// The tokens with which the order reaches the weight `target`, by rising id. False where they are too many to be
// listed.
bool list_nucleus(const VocabRow& row, int64_t target, SelectionScratch& scratch, std::vector<Candidate>& out);

// Keeps the tokens with which the list reaches `target`, which it must.
void keep_nucleus(int64_t target, SelectionScratch& scratch, std::vector<Candidate>& list);

// Sets the last token that top_k, then top_p keep of the whole row: a histogram finds the bucket, a selection the
// token. `total`: the weight of the row, read where top_k is 0 (all). Exact for any row.
void find_last_kept(const VocabRow& row, int64_t total, int top_k, float top_p, SelectionScratch& scratch, Kept& kept);

// 0 for a token that is not kept.
int64_t kept_weight(const VocabRow& row, const Kept& kept, TokenId id);

// Sets the least weight that min_p keeps.
void keep_min_p(float min_p, Kept& kept);

// The weight that top_p must reach: ceil(top_p * total), at least 1.
int64_t top_p_target(float top_p, int64_t total);

}  // namespace studio::engine
