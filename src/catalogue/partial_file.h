// A file on its way: grows by appending, survives cuts and crashes, and is hashed as it grows.
//
// PATH.part holds the bytes so far, PATH.part.json what they are of (the source, and the validators its server gave),
// so that a later process goes on only with the same thing. Nothing is at PATH itself before finish(). Threads: one at
// a time; two processes are kept apart by the caller's lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace studio::catalogue {

// How a server names one version of a file; unknown parts are empty or -1.
struct Validators {
  std::string etag;
  int64_t bytes = -1;
  std::string sha256;  // as the hub claims it
  bool operator==(const Validators&) const = default;
};

class PartialFile {
 public:
  // Goes on with what is there if it is of the same source (hashing it anew), else starts from nothing.
  static Result<PartialFile> open(const std::string& path, const std::string& source);

  PartialFile(PartialFile&&) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();

  int64_t size() const { return size_; }
  const Validators& validators() const { return validators_; }
  Status remember(const Validators& validators);

  // Errors: failed_precondition when the disk is full (what is there stays, to be gone on with).
  Status append(std::string_view bytes);
  Status restart();  // back to nothing

  // Bytes of a further answer follow those of another: only by their validators are they known to belong together.
  void join() { is_joined_ = true; }
  bool is_joined() const { return is_joined_; }

  // The digest of all bytes, once; after it only finish() or discard().
  std::string digest();
  // Synced, then renamed to PATH.
  Status finish();
  void discard();

 private:
  PartialFile(std::string path, std::string source, int fd);
  Status hash_what_is_there();
  std::string part_path() const { return path_ + ".part"; }
  std::string notes_path() const { return path_ + ".part.json"; }

  std::string path_, source_;
  int fd_;
  int64_t size_ = 0;
  bool is_joined_ = false;
  Validators validators_;
  Sha256 hash_;
};

// Makes the folder's list of names durable, after a rename in it.
Status sync_folder(const std::string& path);

// The SHA-256 of a file, lower-case hex.
Result<std::string> digest_of_file(const std::string& path);

}  // namespace studio::catalogue
