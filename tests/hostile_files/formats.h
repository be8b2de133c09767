// The kinds of model files that are damaged: how a good one is made, and how a program loads it. One entry per kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace studio::hostile {

struct Format {
  const char* name;
  // Writes a model of about 1 MiB with tensors of every type, and returns the bytes before the first tensor's.
  Result<uint64_t> (*make)(const std::string& path);
  // All that a worker and a gateway read of it: metadata, tensors, vocabulary, template, weights, and one step.
  Status (*load)(const std::string& path);
};

std::span<const Format> formats();

}  // namespace studio::hostile
