// The adapters that an engine holds, by their digest. Loaded and dropped while it runs.
//
// Threads: any. Loading reads and repacks outside the lock, so nobody waits for it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/lora/adapter.h"

namespace studio::engine {

inline constexpr size_t kMaxAdapters = 256;  // of one engine; names that people add one by one
// Of one file: rank 64 on all matrices of a 7B has 640 MB, as files are f32.
inline constexpr int64_t kMaxAdapterBytes = int64_t{1} << 30;
inline constexpr int64_t kMaxAdaptersBytes = int64_t{8} << 30;  // of all, in memory

class AdapterSet {
 public:
  // Holds it from now on; one that is there already is left as it is. Errors: corrupt_data where the file is not what
  // its digest says; those of Adapter::load(); overloaded beyond the limits.
  Status load(std::string_view digest, std::span<const uint8_t> file, const ModelSource& base);
  // False: it is not here. Sequences that run with it go on.
  bool drop(std::string_view digest);

  std::shared_ptr<const Adapter> find(std::string_view digest) const;  // nullptr: not here
  int count() const;
  int64_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Adapter>, std::less<>> adapters_;
  int64_t bytes_ = 0;
};

}  // namespace studio::engine
