#include "catalogue/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace studio::catalogue {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kMaxNotesBytes = 64 << 10;  // a URL, an etag, a number

Error disk_error(const std::string& doing, const std::string& path, int number) {
  if (number == ENOSPC || number == EDQUOT) {
    return Error(Code::kFailedPrecondition,
                 "the disk is full: " + path + " cannot grow. Free some space and pull again; what is there is kept")
        .with_detail(path);
  }
  return Error(Code::kInternal, doing + ": " + std::strerror(number)).with_detail(path);
}

struct Notes {
  std::string source;
  Validators validators;
};

// Whatever cannot be understood counts as nothing: the download then starts anew.
Notes read_notes(const std::string& path) {
  auto text = read_file(path, kMaxNotesBytes);
  auto json = text.ok() ? parse_json(*text) : Result<boost::json::value>(text.error());
  const boost::json::object* object = json.ok() ? json->if_object() : nullptr;
  Notes notes;
  if (!object) return notes;
  auto text_of = [&](const char* key) {
    const boost::json::value* value = object->if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  notes.source = text_of("source");
  notes.validators.etag = text_of("etag");
  notes.validators.sha256 = text_of("sha256");
  if (const boost::json::value* bytes = object->if_contains("bytes"); bytes && bytes->is_int64()) {
    notes.validators.bytes = bytes->get_int64();
  }
  return notes;
}

}  // namespace

PartialFile::PartialFile(std::string path, std::string source, int fd)
    : path_(std::move(path)), source_(std::move(source)), fd_(fd) {}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)),
      source_(std::move(other.source_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      is_joined_(other.is_joined_),
      validators_(std::move(other.validators_)),
      hash_(std::move(other.hash_)) {}

PartialFile::~PartialFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<PartialFile> PartialFile::open(const std::string& path, const std::string& source) {
  int fd = ::open((path + ".part").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return disk_error("cannot open the partial file", path, errno);
  PartialFile file(path, source, fd);
  Notes notes = read_notes(file.notes_path());
  if (notes.source == source) {
    file.validators_ = notes.validators;
    STUDIO_CHECK_OK(file.hash_what_is_there());
  } else {
    STUDIO_CHECK_OK(file.restart());
  }
  return file;
}

Status PartialFile::hash_what_is_there() {
  std::vector<char> buffer(kReadBytes);
  for (;;) {
    ssize_t count = ::pread(fd_, buffer.data(), buffer.size(), size_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_error("cannot read the partial file", path_, errno);
    if (count == 0) return Ok{};
    hash_.update({buffer.data(), static_cast<size_t>(count)});
    size_ += count;
  }
}

Status PartialFile::remember(const Validators& validators) {
  validators_ = validators;
  boost::json::object notes{
      {"source", source_}, {"etag", validators.etag}, {"bytes", validators.bytes}, {"sha256", validators.sha256}};
  auto written = write_file_atomically(notes_path(), to_json(notes) + "\n", 0644);
  if (!written.ok()) return disk_error("cannot write beside the partial file", path_, ENOSPC);
  return Ok{};
}

Status PartialFile::append(std::string_view bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t count = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, size_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_error("cannot write the partial file", path_, errno);
    hash_.update(bytes.substr(done, static_cast<size_t>(count)));
    done += static_cast<size_t>(count);
    size_ += count;
  }
  return Ok{};
}

Status PartialFile::restart() {
  if (::ftruncate(fd_, 0) != 0) return disk_error("cannot empty the partial file", path_, errno);
  size_ = 0;
  is_joined_ = false;
  hash_ = Sha256();
  validators_ = Validators();
  return remember(validators_);
}

std::string PartialFile::digest() {
  return to_hex(hash_.finish());
}

Status PartialFile::finish() {
  if (::fsync(fd_) != 0) return disk_error("cannot sync the file", path_, errno);
  if (::rename(part_path().c_str(), path_.c_str()) != 0) return disk_error("cannot rename the file", path_, errno);
  ::unlink(notes_path().c_str());
  return Ok{};
}

void PartialFile::discard() {
  ::unlink(part_path().c_str());
  ::unlink(notes_path().c_str());
}

Status sync_folder(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return disk_error("cannot open the folder", path, errno);
  int result = ::fsync(fd);
  int number = errno;
  ::close(fd);
  if (result != 0) return disk_error("cannot sync the folder", path, number);
  return Ok{};
}

Result<std::string> digest_of_file(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Error(Code::kNotFound, "cannot open " + path + ": " + std::strerror(errno));
  }
  Sha256 hash;
  std::vector<char> buffer(kReadBytes);
  for (;;) {
    ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      int number = errno;
      ::close(fd);
      if (count < 0) return Error(Code::kInternal, "cannot read " + path + ": " + std::strerror(number));
      return to_hex(hash.finish());
    }
    hash.update({buffer.data(), static_cast<size_t>(count)});
  }
}

}  // namespace studio::catalogue
