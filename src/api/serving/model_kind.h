// What a served model is for.
#pragma once

namespace studio::api {

enum class ModelKind {
  kText,     // it writes: chat, completions
  kVectors,  // it makes vectors of texts: embeddings
  kScores,   // it scores texts by a query: rerank
};

}  // namespace studio::api
