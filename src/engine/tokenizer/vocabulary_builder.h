// The tables of a vocabulary, made from its texts: some tens of milliseconds, which is why they are kept
// (vocabulary_store.h).
#pragma once

#include "base/digest.h"
#include "base/result.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/vocabulary_tables.h"

namespace studio::engine {

// corrupt_data when a merge or a printable byte has no token, or an added id repeats; unimplemented when it is too
// large. `digest` is what the tables will be known by.
Result<VocabularyTables> build_tables(const TokenizerData& data, const Sha256Digest& digest);

}  // namespace studio::engine
