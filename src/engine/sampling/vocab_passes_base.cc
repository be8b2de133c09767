#include <cstring>

#include "engine/sampling/vocab_passes.h"

namespace studio::engine {
namespace {
#include "engine/sampling/vocab_passes_impl.h"
}  // namespace

float sampling_weight(float logit, float max, float inverse_temperature) {
  float x = (logit - max) * inverse_temperature;
  exp_in_place<float, int32_t>(x);
  return x;
}

const VocabPasses kVocabPassesBase = {"base",        find_max, bound_of_first, gather_reaching,
                                      gather_bucket, weigh,    weigh_kept,     fill_histogram};

}  // namespace studio::engine
