// Is a file what the runner can work through? Looked at before a line of it runs: what is wrong is told with its line,
// and nothing is spent. Done in steps, so that a large file holds up no other. Not thread-safe.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>

#include "base/result.h"

namespace studio::api::batches {

class FileCheck {
 public:
  virtual ~FileCheck() = default;
  // Some more lines; true when all of them were looked at. Errors: unavailable (the disk).
  virtual Result<bool> step() = 0;
  virtual int64_t lines() const = 0;
  // [{"code","message","param","line"}]; empty: it is.
  virtual const boost::json::array& errors() const = 0;
};

}  // namespace studio::api::batches
