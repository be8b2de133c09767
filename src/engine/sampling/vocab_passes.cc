#include "engine/sampling/vocab_passes.h"

namespace studio::engine {

const VocabPasses& vocab_passes() {
  static const VocabPasses& chosen =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
          ? kVocabPassesAvx512
      : __builtin_cpu_supports("avx2") ? kVocabPassesAvx2
                                       : kVocabPassesBase;
  return chosen;
}

}  // namespace studio::engine
