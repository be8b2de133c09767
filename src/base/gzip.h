// Packing as gzip (RFC 1952), piece by piece, through zlib. The same bytes give the same file: it holds no time and no
// name. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace studio {

class Gzip {
 public:
  Gzip();
  ~Gzip();
  Gzip(Gzip&&) noexcept;
  // What `bytes` add to the file, which may be nothing yet; with `is_last` all of the rest. Not called again after
  // that.
  std::string pack(std::string_view bytes, bool is_last);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace studio
