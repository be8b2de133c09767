// Whether two models speak of the same tokens, so that one may guess what the other says.
#pragma once

#include "base/result.h"
#include "engine/formats/model_source.h"

namespace studio::engine {

// Token by token, by text. Rows of the embedding that no token has may be more or fewer: sizes of one family differ in
// them. Errors: invalid_argument with the first difference and what to do; corrupt_data without a vocabulary.
Status check_same_vocabulary(const ModelSource& model, const ModelSource& draft);

}  // namespace studio::engine
