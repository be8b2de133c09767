// All that an answer's tokens and their wording follow from, as one digest: where two are equal, so are the answers,
// event for event. What the request's body says beside it (stream or not, names) is compared by the body itself.
#pragma once

#include <string>
#include <vector>

#include "api/serving/served_models.h"
#include "base/digest.h"
#include "inference/generation.h"

namespace studio::api {

// `operation` names the wording, as the record of usage does.
Sha256Digest digest_of_inputs(const ServedModel& model, const inference::GenerationRequest& request,
                              const std::string& operation);

// The same of vectors and scores.
Sha256Digest digest_of_inputs(const ServedModel& model, const std::vector<engine::EncoderText>& texts,
                              const std::string& operation);

}  // namespace studio::api
