// The kinds of files that a model is read from, each damaged by itself: how a sound one is made. One entry per kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace studio::hostile {

struct Format {
  const char* name;
  const char* file;  // that is damaged, within the model's folder; nullptr: the model is that file
  Status (*make)(const std::string& model);
};

std::span<const Format> formats();

// The file that is damaged, and how many bytes of it are read before any tensor's data: all of a JSON file.
std::string damaged_file(const Format& format, const std::string& model);
Result<uint64_t> header_bytes(const std::string& file);

// All that a gateway reads of a model, then all that a worker does: metadata, vocabulary, template, weights, one step.
Status load(const std::string& model);

}  // namespace studio::hostile
