// The name of a model's numbers: where two models have one digest, the same ids give the same answers.
#pragma once

#include <string>

#include "engine/formats/model_source.h"

namespace studio::engine {

// SHA-256 in hex: the file's own digest where it has one, else over all metadata, the tensors' names and shapes, and
// the beginning of each tensor. The tensors must have data.
std::string model_digest(const ModelSource& file);

}  // namespace studio::engine
