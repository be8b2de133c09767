// What owners have of files, those on their way included: bytes count from when they are written, not from when their
// file is complete, so that any number of uploads at once has no more room than one after the other.
//
// An owner's account is there while a draft of its is. What is kept is as of the last look at the rows, and moves with
// them: the calls that say so are made in the writer's jobs, which come one after another.
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

namespace studio::store {

struct FileTotals {
  int64_t files = 0, bytes = 0;
};

class FileRooms {
 public:
  // The place of one draft, given back with it. It may outlive Files.
  class Place {
   public:
    Place() = default;  // of nobody: what the server itself writes
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept;
    ~Place();

    Status grow(int64_t bytes);  // errors: quota_exceeded; then nothing has grown
    void become_kept();          // in the job that adds its row

   private:
    friend class FileRooms;
    void leave(bool is_kept);

    std::shared_ptr<FileRooms> rooms_;  // null: of nobody
    std::string owner_;
    FileTotals most_;
    int64_t bytes_ = 0;
  };

  // In the job that has read `kept`. Errors: quota_exceeded, where the owner may not have one more file.
  static Result<Place> open(const std::shared_ptr<FileRooms>& rooms, std::string_view owner, FileTotals kept,
                            FileTotals most);
  void note_removed(std::string_view owner, int64_t bytes);  // in the job that removes its row

 private:
  struct Account {
    FileTotals kept, on_their_way;
  };

  std::mutex mutex_;
  std::map<std::string, Account, std::less<>> accounts_;
};

}  // namespace studio::store
