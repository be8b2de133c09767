// What a long operation tells whoever watches it.
#pragma once

#include <cstdint>
#include <string>

namespace studio::catalogue {

class Progress {
 public:
  virtual ~Progress() = default;
  // A piece of work of `total` bytes (0: unknown) begins, `done` of which are there already.
  virtual void begin(const std::string& what, int64_t done, int64_t total) = 0;
  virtual void update(int64_t done) = 0;
  virtual void end() = 0;
  // A sentence for people: which source is tried, why another was left.
  virtual void note(const std::string& text) = 0;
};

// Watches nothing.
class NoProgress final : public Progress {
 public:
  void begin(const std::string&, int64_t, int64_t) override {}
  void update(int64_t) override {}
  void end() override {}
  void note(const std::string&) override {}
};

}  // namespace studio::catalogue
