// Panels kept of models that lie elsewhere: a GGUF file is repacked once, and every later start maps what came of it.
// docs/formats/panel_file.md.
//
//   DATA/panels/KEY.panels     a panel file; KEY is of the model's path
//   DATA/panels/KEY.json       of which file it was made, and which head it has
//   DATA/panels/KEY.lock       held by who makes it
//   DATA/panels/.partial/KEY/  where it grows
//
// They are a copy that can be had again: what does not fit its model to the byte of its head is not found, and made
// anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace studio::catalogue {

// A smaller file is repacked in a tenth of a second.
inline constexpr int64_t kLeastKeptBytes = int64_t{128} << 20;
// Room that stays free on the disk: what is kept is a convenience, and other programs need room to write.
inline constexpr int64_t kLeastFreeBytes = int64_t{10} << 30;
inline constexpr size_t kStampedHeadBytes = 64 << 10;  // metadata's beginning: the model's name, sizes and first tokens

// What tells a file from another one at its place, without reading it.
struct FileStamp {
  int64_t bytes = 0, modified_ns = 0;
  std::string head_sha256;  // of its first kStampedHeadBytes
  bool operator==(const FileStamp&) const = default;
};
Result<FileStamp> stamp_of(const std::string& path);

class KeptPanels {
 public:
  explicit KeptPanels(const std::string& data_dir);

  // The panel file of the model at `source`, as that is now.
  std::optional<std::string> find(const std::string& source) const;
  // A GGUF file large enough, and room for as much again beside what stays free.
  bool is_worth_keeping(const std::string& source) const;

  // For who makes them. Errors: permission_denied.
  Status make_folder() const;
  std::string lock_path(const std::string& source) const { return stem_of(source) + ".lock"; }
  Result<std::string> make_staging(const std::string& source) const;  // an empty folder to grow in
  // The one moment at which they can be found. Errors: failed_precondition where the model is not what it was.
  Status publish(const std::string& staged, const std::string& source, const FileStamp& made_of) const;

  void forget(const std::string& source) const;
  // Those whose model is gone or another one go, and what is left of makers that were killed.
  void sweep() const;

 private:
  std::string stem_of(const std::string& source) const;
  std::string staging_dir(const std::string& source) const;
  void forget_key(const std::string& key) const;
  std::string folder_;
};

}  // namespace studio::catalogue
