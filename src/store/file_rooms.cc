#include "store/file_rooms.h"

#include <utility>

namespace studio::store {

Result<FileRooms::Place> FileRooms::open(const std::shared_ptr<FileRooms>& rooms, std::string_view owner,
                                         FileTotals kept, FileTotals most) {
  std::scoped_lock lock(rooms->mutex_);
  const auto found = rooms->accounts_.find(owner);
  const int64_t others = found == rooms->accounts_.end() ? 0 : found->second.on_their_way.files;
  if (kept.files + others >= most.files) {
    return Error(Code::kQuotaExceeded, "This key has " + std::to_string(most.files) +
                                           " files, uploads on their way included, which is the most it may have; "
                                           "delete some.");
  }
  Account& account = rooms->accounts_[std::string(owner)];
  account.kept = kept;
  ++account.on_their_way.files;
  Place place;
  place.rooms_ = rooms;
  place.owner_ = owner;
  place.most_ = most;
  return place;
}

void FileRooms::note_removed(std::string_view owner, int64_t bytes) {
  std::scoped_lock lock(mutex_);
  const auto found = accounts_.find(owner);
  if (found == accounts_.end()) return;
  --found->second.kept.files;
  found->second.kept.bytes -= bytes;
}

FileRooms::Place& FileRooms::Place::operator=(Place&& other) noexcept {
  leave(/*is_kept=*/false);
  rooms_ = std::move(other.rooms_);
  owner_ = std::move(other.owner_);
  most_ = other.most_;
  bytes_ = other.bytes_;
  return *this;
}

FileRooms::Place::~Place() {
  leave(/*is_kept=*/false);
}

Status FileRooms::Place::grow(int64_t bytes) {
  if (!rooms_) return Ok{};
  std::scoped_lock lock(rooms_->mutex_);
  Account& account = rooms_->accounts_[owner_];
  if (account.kept.bytes + account.on_their_way.bytes + bytes > most_.bytes) {
    return Error(Code::kQuotaExceeded, "This key's files, uploads on their way included, would have more than " +
                                           std::to_string(most_.bytes >> 30) + " GiB; delete some.");
  }
  account.on_their_way.bytes += bytes;
  bytes_ += bytes;
  return Ok{};
}

void FileRooms::Place::become_kept() {
  leave(/*is_kept=*/true);
}

void FileRooms::Place::leave(bool is_kept) {
  const std::shared_ptr<FileRooms> rooms = std::exchange(rooms_, nullptr);
  if (!rooms) return;
  std::scoped_lock lock(rooms->mutex_);
  const auto found = rooms->accounts_.find(owner_);
  if (is_kept) {
    ++found->second.kept.files;
    found->second.kept.bytes += bytes_;
  }
  FileTotals& on_their_way = found->second.on_their_way;
  on_their_way.bytes -= bytes_;
  if (--on_their_way.files == 0) rooms->accounts_.erase(found);
}

}  // namespace studio::store
