#include <cstring>

#include "engine/sampling/vocab_passes.h"

namespace studio::engine {
namespace {
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#include "engine/sampling/vocab_passes_impl.h"
#pragma clang attribute pop
}  // namespace

const VocabPasses kVocabPassesAvx512 = {"avx512",      find_max, bound_of_first, gather_reaching,
                                        gather_bucket, weigh,    weigh_kept,     fill_histogram};

}  // namespace studio::engine
