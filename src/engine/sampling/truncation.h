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

struct Boundary {
  float logit = -__builtin_inff();  // the last token kept
  TokenId id = INT32_MAX;
};

// One row under selection; the pointers belong to the Sampler's scratch.
struct VocabRow {
  std::span<const float> logits;     // [V]
  std::span<const float> block_max;  // [vocab_blocks(V)]
  float max = 0;
  float inverse_temperature = 1;
};

struct BoundaryScratch {
  std::vector<uint16_t> buckets;  // [vocab_blocks(V) * 64]
  std::vector<Candidate> members;
};

// At least the `count` first tokens of the order (all where V has fewer), by rising id: every token that is not under
// the count-th largest block maximum. At most 64 * count of them unless many maxima are equal. `weight` stays 0.
void gather_first(const VocabRow& row, int count, std::vector<float>& scratch, std::vector<Candidate>& out);

// The boundary of top_k, then top_p, over the whole row: a histogram finds the bucket, a selection the token. weights
// [blocks * 64] as exponentials() left them, `total` their sum in units. Exact for any row.
Boundary find_boundary(const VocabRow& row, std::span<const float> weights, int64_t total, int top_k, float top_p,
                       BoundaryScratch& scratch);

// The weight that top_p must reach: ceil(top_p * total), at least 1.
int64_t top_p_target(float top_p, int64_t total);

}  // namespace studio::engine
