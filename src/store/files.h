// Files that clients upload and batches make: bytes in a folder of their own, one file per id; descriptions in the
// store.
//
// A file exists once its row does. Bytes are written under a hidden name, synced and renamed to the id, then the row is
// committed; removal goes the other way round. What a crash leaves between the two has no row and goes at the next
// open().
// Every call but those of a draft names the owner first: another's file is not found.
// Threads: any; calls block for the disk. One draft is one thread's at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "store/file_rooms.h"
#include "store/store.h"

namespace studio::store {

struct StoredFile {
  int64_t sequence = 0;  // grows with each file; set by keep()
  std::string file_id = {};
  std::string owner = {};    // the key that uploaded it
  std::string name = {};     // as the client called it: a text for people, never a path
  std::string purpose = {};  // a word of the dialects: "batch", "file-extract", "batch_output", "fine-tune"
  std::string description = {};
  int64_t size_bytes = 0;
  std::string md5 = {};    // hex: what the native interface tells of a file
  int64_t created_at = 0;  // Unix seconds
};

// Which files of an owner. Times are Unix seconds and inclusive.
struct FileQuery {
  std::optional<std::string> purpose = {};
  std::optional<int64_t> created_from = {}, created_until = {};
  std::optional<int64_t> before_sequence = {}, after_sequence = {};  // only older, only newer ones
  bool oldest_first = false;
  int64_t limit = 0;   // rows at most
  int64_t offset = 0;  // of them left out first
};

// Bytes on their way: a file without a name, gone with the draft unless it is kept.
class FileDraft {
 public:
  FileDraft(FileDraft&& other) noexcept;
  FileDraft& operator=(FileDraft&&) = delete;
  ~FileDraft();

  // Errors: quota_exceeded where its owner has no room for more, unavailable where the disk is full.
  Status append(std::string_view bytes);
  int64_t size_bytes() const { return size_bytes_; }

 private:
  friend class Files;
  struct Digest;
  FileDraft(int fd, std::string path, FileRooms::Place place);
  Status flush_to_disk();

  int fd_;
  std::string path_;  // empty once it is kept
  int64_t size_bytes_ = 0;
  FileRooms::Place place_;
  std::unique_ptr<Digest> digest_;
};

class Files {
 public:
  // `folder` exists and is this program's alone. Removes what has no row there.
  static Result<std::unique_ptr<Files>> open(std::shared_ptr<Store> store, std::string folder);

  Result<FileDraft> begin();  // of what the server makes: it is refused to nobody
  // Of what a client brings: its bytes are the owner's from the first on, and it has no more than `most` with them.
  // Errors: quota_exceeded, unavailable.
  Result<FileDraft> begin(std::string_view owner, FileTotals most);
  // The draft under file.file_id, and its row: `file` with size, md5, time and sequence filled in. Errors: conflict,
  // unavailable.
  Result<StoredFile> keep(FileDraft draft, StoredFile file);
  // The first half of it alone, for a file whose row is to be committed together with something else (batches.h). Again
  // under the same id: the newer bytes.
  Result<StoredFile> place(FileDraft draft, StoredFile file);

  Result<StoredFile> find(std::string_view owner, std::string_view file_id);             // errors: not_found
  Result<std::vector<StoredFile>> list(std::string_view owner, const FileQuery& query);  // newest first
  Result<int64_t> count(std::string_view owner, const FileQuery& query);                 // without limit and offset
  Result<FileTotals> totals(std::string_view owner);
  // Errors: not_found; conflict where a batch that is not over reads it.
  Status remove(std::string_view owner, std::string_view file_id);
  Result<UnmappedFile> read(const StoredFile& file) const;

 private:
  Files(std::shared_ptr<Store> store, std::string folder) : store_(std::move(store)), folder_(std::move(folder)) {}
  std::string path_of(std::string_view file_id) const;
  Result<FileDraft> make_draft(FileRooms::Place place);
  Status remove_strays();

  const std::shared_ptr<Store> store_;
  const std::string folder_;
  const std::shared_ptr<FileRooms> rooms_ = std::make_shared<FileRooms>();
};

}  // namespace studio::store
