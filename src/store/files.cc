#include "store/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include "base/digest.h"
#include "base/ids.h"
#include "base/log.h"
#include "store/file_rows.h"
#include "store/writer.h"

namespace studio::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNoSuchFile = "There is no such file.";
constexpr const char* kDraftPrefix = ".new.";

Error disk_error(const char* what, const std::string& path, int number) {
  std::string told = number == ENOSPC ? "The disk that holds the files is full." : "The file could not be stored.";
  return Error(Code::kUnavailable, std::move(told))
      .with_detail(std::string(what) + " " + path + ": " + std::strerror(number));
}

// Makes names in a folder as durable as the bytes behind them.
Status sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return disk_error("open", folder, errno);
  const int result = ::fsync(fd);
  const int number = errno;
  ::close(fd);
  if (result != 0) return disk_error("fsync", folder, number);
  return Ok{};
}

Result<FileTotals> totals_in(Connection& connection, std::string_view owner) {
  FileTotals totals;
  STUDIO_CHECK_OK(connection.query("SELECT count(*), coalesce(sum(size_bytes), 0) FROM files WHERE owner = ?", {owner},
                                   [&](const Row& row) { totals = {row.integer(0), row.integer(1)}; }));
  return totals;
}

StoredFile file_of(const Row& row) {
  return {.sequence = row.integer(0),
          .file_id = row.text(1),
          .owner = row.text(2),
          .name = row.text(3),
          .purpose = row.text(4),
          .description = row.text(5),
          .size_bytes = row.integer(6),
          .md5 = row.text(7),
          .created_at = row.integer(8)};
}

Value or_null(const std::optional<int64_t>& number) {
  return number ? Value(*number) : Value(nullptr);
}

Value or_null(const std::optional<std::string>& text) {
  return text ? Value(std::string_view(*text)) : Value(nullptr);
}

}  // namespace

// ---- drafts

struct FileDraft::Digest {
  Md5 md5;
};

FileDraft::FileDraft(int fd, std::string path, FileRooms::Place place)
    : fd_(fd), path_(std::move(path)), place_(std::move(place)), digest_(std::make_unique<Digest>()) {}

FileDraft::FileDraft(FileDraft&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::exchange(other.path_, {})),
      size_bytes_(other.size_bytes_),
      place_(std::move(other.place_)),
      digest_(std::move(other.digest_)) {}

FileDraft::~FileDraft() {
  if (fd_ >= 0) ::close(fd_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

Status FileDraft::append(std::string_view bytes) {
  STUDIO_CHECK_OK(place_.grow(static_cast<int64_t>(bytes.size())));
  digest_->md5.update(bytes);
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_error("write", path_, errno);
    bytes.remove_prefix(static_cast<size_t>(count));
    size_bytes_ += count;
  }
  return Ok{};
}

Status FileDraft::flush_to_disk() {
  if (::fsync(fd_) != 0) return disk_error("fsync", path_, errno);
  return Ok{};
}

// ---- files

Result<std::unique_ptr<Files>> Files::open(std::shared_ptr<Store> store, std::string folder) {
  std::unique_ptr<Files> files(new Files(std::move(store), std::move(folder)));
  STUDIO_CHECK_OK(files->remove_strays());
  return files;
}

std::string Files::path_of(std::string_view file_id) const {
  return folder_ + "/" + std::string(file_id);
}

Status Files::remove_strays() {
  std::unordered_set<std::string> known;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query("SELECT file_id FROM files", {}, [&](const Row& row) { known.insert(row.text(0)); });
  }));
  std::error_code fault;
  for (const auto& entry : fs::directory_iterator(folder_, fault)) {
    if (known.contains(entry.path().filename().string())) continue;
    std::error_code ignored;  // it costs room and nothing else
    fs::remove(entry.path(), ignored);
  }
  if (fault) return Error(Code::kUnavailable, "cannot read the folder of files").with_detail(fault.message());
  return Ok{};
}

Result<FileDraft> Files::begin() {
  return make_draft({});
}

Result<FileDraft> Files::begin(std::string_view owner, FileTotals most) {
  FileRooms::Place place;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(const FileTotals kept, totals_in(connection, owner));
    STUDIO_TRY(place, FileRooms::open(rooms_, owner, kept, most));
    return Ok{};
  }));
  return make_draft(std::move(place));
}

Result<FileDraft> Files::make_draft(FileRooms::Place place) {
  std::string path = folder_ + "/" + kDraftPrefix + new_uuid();
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return disk_error("create", path, errno);
  return FileDraft(fd, std::move(path), std::move(place));
}

Result<StoredFile> Files::place(FileDraft draft, StoredFile file) {
  STUDIO_CHECK_OK(draft.flush_to_disk());
  if (::rename(draft.path_.c_str(), path_of(file.file_id).c_str()) != 0) {
    return disk_error("rename", draft.path_, errno);
  }
  draft.path_.clear();
  STUDIO_CHECK_OK(sync_folder(folder_));
  file.size_bytes = draft.size_bytes_;
  file.md5 = to_hex(draft.digest_->md5.finish());
  file.created_at = std::time(nullptr);
  return file;
}

Result<StoredFile> Files::keep(FileDraft draft, StoredFile file) {
  FileRooms::Place room = std::move(draft.place_);  // it is the draft's until the row is there
  STUDIO_TRY(StoredFile placed, place(std::move(draft), std::move(file)));
  Status inserted = store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(insert_file(connection, placed));
    room.become_kept();
    return Ok{};
  });
  if (!inserted.ok()) {
    ::unlink(path_of(placed.file_id).c_str());
    return std::move(inserted).error();
  }
  return find(placed.owner, placed.file_id);
}

Result<StoredFile> Files::find(std::string_view owner, std::string_view file_id) {
  std::optional<StoredFile> found;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT sequence, file_id, owner, name, purpose, description, size_bytes, md5, created_at FROM files "
        "WHERE owner = ? AND file_id = ?",
        {owner, file_id}, [&](const Row& row) { found = file_of(row); });
  }));
  if (!found) return Error(Code::kNotFound, kNoSuchFile);
  return std::move(*found);
}

Result<std::vector<StoredFile>> Files::list(std::string_view owner, const FileQuery& query) {
  std::vector<StoredFile> files;
  const auto add = [&](const Row& row) { files.push_back(file_of(row)); };
  // Two literals, as the order of rows cannot be bound.
  const Sql newest_first =
      "SELECT sequence, file_id, owner, name, purpose, description, size_bytes, md5, created_at FROM files "
      "WHERE owner = ?1 AND (?2 IS NULL OR purpose = ?2) AND (?3 IS NULL OR created_at >= ?3) "
      "AND (?4 IS NULL OR created_at <= ?4) AND (?5 IS NULL OR sequence < ?5) AND (?6 IS NULL OR sequence > ?6) "
      "ORDER BY sequence DESC LIMIT ?7 OFFSET ?8";
  const Sql oldest_first =
      "SELECT sequence, file_id, owner, name, purpose, description, size_bytes, md5, created_at FROM files "
      "WHERE owner = ?1 AND (?2 IS NULL OR purpose = ?2) AND (?3 IS NULL OR created_at >= ?3) "
      "AND (?4 IS NULL OR created_at <= ?4) AND (?5 IS NULL OR sequence < ?5) AND (?6 IS NULL OR sequence > ?6) "
      "ORDER BY sequence LIMIT ?7 OFFSET ?8";
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(query.oldest_first ? oldest_first : newest_first,
                            {owner, or_null(query.purpose), or_null(query.created_from), or_null(query.created_until),
                             or_null(query.before_sequence), or_null(query.after_sequence), query.limit, query.offset},
                            add);
  }));
  return files;
}

Result<int64_t> Files::count(std::string_view owner, const FileQuery& query) {
  int64_t count = 0;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query("SELECT count(*) FROM files WHERE owner = ?1 AND (?2 IS NULL OR purpose = ?2)",
                            {owner, or_null(query.purpose)}, [&](const Row& row) { count = row.integer(0); });
  }));
  return count;
}

Result<FileTotals> Files::totals(std::string_view owner) {
  FileTotals totals;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(totals, totals_in(connection, owner));
    return Ok{};
  }));
  return totals;
}

Status Files::remove(std::string_view owner, std::string_view file_id) {
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    std::string reader;
    STUDIO_CHECK_OK(
        connection.query("SELECT batch_id FROM batches WHERE owner = ? AND input_file_id = ? AND is_over = 0 LIMIT 1",
                         {owner, file_id}, [&](const Row& row) { reader = row.text(0); }));
    if (!reader.empty()) {
      return Error(Code::kConflict, "The batch " + reader + " reads this file; cancel it first, or wait for its end.");
    }
    std::optional<int64_t> size_bytes;
    STUDIO_CHECK_OK(connection.query("DELETE FROM files WHERE owner = ? AND file_id = ? RETURNING size_bytes",
                                     {owner, file_id}, [&](const Row& row) { size_bytes = row.integer(0); }));
    if (!size_bytes) return Error(Code::kNotFound, kNoSuchFile);
    rooms_->note_removed(owner, *size_bytes);
    return Ok{};
  }));
  if (::unlink(path_of(file_id).c_str()) != 0) {
    log::warn("files.unlink_failed", {{"file_id", std::string(file_id)}, {"detail", std::strerror(errno)}});
  }
  return Ok{};
}

Result<UnmappedFile> Files::read(const StoredFile& file) const {
  auto opened = UnmappedFile::open(path_of(file.file_id));
  if (!opened.ok()) {
    return Error(Code::kUnavailable, "The file's bytes cannot be read.").with_detail(opened.error().message());
  }
  if (opened->size() == static_cast<uint64_t>(file.size_bytes)) return opened;
  return Error(Code::kCorruptData, "The file's bytes are not those that were stored.").with_detail(file.file_id);
}

// ---- rows

Status insert_file(Connection& connection, const StoredFile& file) {
  return connection.execute(
      "INSERT INTO files (file_id, owner, name, purpose, description, size_bytes, md5, created_at) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      {std::string_view(file.file_id), std::string_view(file.owner), std::string_view(file.name),
       std::string_view(file.purpose), std::string_view(file.description), file.size_bytes, std::string_view(file.md5),
       file.created_at});
}

}  // namespace studio::store
