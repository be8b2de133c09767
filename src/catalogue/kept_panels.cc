#include "catalogue/kept_panels.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/json.h"
#include "catalogue/library.h"
#include "catalogue/partial_file.h"

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxNoteBytes = 64 << 10;
constexpr size_t kKeyDigits = 32;        // of a SHA-256: two paths never share one
constexpr uint64_t kPanelPreamble = 64;  // holds the length of the file and the digest of its head
constexpr std::string_view kGgufMagic = "GGUF";

std::string normal(const std::string& path) {
  std::error_code error;
  return fs::absolute(path, error).lexically_normal().string();
}

std::string_view text_of(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::string> digest_of_first(const std::string& path, uint64_t most) {
  STUDIO_TRY(const auto file, UnmappedFile::open(path));
  STUDIO_TRY(const auto bytes, file.read(0, std::min(file.size(), most)));
  return to_hex(sha256(text_of(bytes)));
}

// KEY.json.
struct Note {
  std::string source;
  FileStamp made_of;
  int64_t bytes = 0;     // of the panel file
  std::string preamble;  // its SHA-256
};

std::optional<Note> read_note(const std::string& path) {
  const auto text = read_file(path, kMaxNoteBytes);
  const auto json = text.ok() ? parse_json(*text) : Result<boost::json::value>(text.error());
  const boost::json::object* object = json.ok() ? json->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  auto text_at = [&](const char* key) {
    const boost::json::value* value = object->if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  auto number_at = [&](const char* key) {
    const boost::json::value* value = object->if_contains(key);
    return value != nullptr && value->is_int64() ? value->get_int64() : int64_t{-1};
  };
  return Note{text_at("source"),
              {number_at("source_bytes"), number_at("source_modified_ns"), text_at("source_head_sha256")},
              number_at("bytes"),
              text_at("preamble_sha256")};
}

}  // namespace

Result<FileStamp> stamp_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return Error(Code::kNotFound, "cannot read " + path + ": " + std::strerror(errno));
  }
  FileStamp stamp{.bytes = info.st_size,
                  .modified_ns = info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec,
                  .head_sha256 = {}};
  STUDIO_TRY(stamp.head_sha256, digest_of_first(path, kStampedHeadBytes));
  return stamp;
}

KeptPanels::KeptPanels(const std::string& data_dir) : folder_(normal(data_dir + "/panels")) {}

std::string KeptPanels::stem_of(const std::string& source) const {
  return folder_ + "/" + to_hex(sha256(normal(source))).substr(0, kKeyDigits);
}

std::string KeptPanels::staging_dir(const std::string& source) const {
  return folder_ + "/.partial/" + fs::path(stem_of(source)).filename().string();
}

std::optional<std::string> KeptPanels::find(const std::string& source) const {
  const std::string stem = stem_of(source);
  std::string panels = stem + ".panels";
  const auto note = read_note(stem + ".json");
  if (!note || note->source != normal(source)) return std::nullopt;
  const auto now = stamp_of(source);
  if (!now.ok() || *now != note->made_of || bytes_of(panels) != note->bytes) return std::nullopt;
  const auto preamble = digest_of_first(panels, kPanelPreamble);
  if (!preamble.ok() || *preamble != note->preamble) return std::nullopt;
  return panels;
}

bool KeptPanels::is_worth_keeping(const std::string& source) const {
  const auto file = UnmappedFile::open(source);
  if (!file.ok() || static_cast<int64_t>(file->size()) < kLeastKeptBytes) return false;
  const auto magic = file->read(0, kGgufMagic.size());
  if (!magic.ok() || text_of(*magic) != kGgufMagic) return false;
  std::error_code error;
  fs::path there = folder_;
  while (there.has_relative_path() && !fs::exists(there, error)) there = there.parent_path();
  const auto space = fs::space(there, error);
  return !error && space.available >= file->size() + static_cast<uint64_t>(kLeastFreeBytes);
}

Status KeptPanels::make_folder() const {
  std::error_code error;
  fs::create_directory(folder_, error);  // never a data folder that is gone meanwhile
  if (!error) fs::permissions(folder_, fs::perms::owner_all, error);
  if (error) return Error(Code::kPermissionDenied, "cannot make " + folder_ + ": " + error.message());
  return Ok{};
}

Result<std::string> KeptPanels::make_staging(const std::string& source) const {
  STUDIO_CHECK_OK(make_folder());
  std::error_code error;
  const std::string staging = staging_dir(source);
  fs::remove_all(staging, error);
  if (!error) fs::create_directories(staging, error);
  if (error) return Error(Code::kPermissionDenied, "cannot make " + staging + ": " + error.message());
  return staging;
}

Status KeptPanels::publish(const std::string& staged, const std::string& source, const FileStamp& made_of) const {
  STUDIO_TRY(const auto now, stamp_of(source));
  if (now != made_of) return Error(Code::kFailedPrecondition, source + " changed while its panels were made");
  const std::string stem = stem_of(source);
  boost::json::object note{{"source", normal(source)},
                           {"source_bytes", made_of.bytes},
                           {"source_modified_ns", made_of.modified_ns},
                           {"source_head_sha256", made_of.head_sha256},
                           {"bytes", bytes_of(staged)}};
  STUDIO_TRY(const auto preamble, digest_of_first(staged, kPanelPreamble));
  note["preamble_sha256"] = preamble;
  // Without its note a panel file is not found: old and new never mix.
  std::error_code error;
  fs::remove(stem + ".json", error);
  fs::rename(staged, stem + ".panels", error);
  if (error) return Error(Code::kInternal, "cannot rename to " + stem + ".panels: " + error.message());
  STUDIO_CHECK_OK(sync_folder(folder_));
  return write_file_atomically(stem + ".json", to_json(note) + "\n", 0600);
}

void KeptPanels::forget_key(const std::string& key) const {
  std::error_code ignored;
  // Its lock stays: who waits for that file's lock must not hold another one than who comes later.
  for (const char* extension : {".json", ".panels"}) fs::remove(folder_ + "/" + key + extension, ignored);
  fs::remove_all(folder_ + "/.partial/" + key, ignored);
}

void KeptPanels::forget(const std::string& source) const {
  forget_key(fs::path(stem_of(source)).filename().string());
}

void KeptPanels::sweep() const {
  std::error_code error;
  std::vector<std::string> keys;
  for (const std::string& folder : {folder_, folder_ + "/.partial"}) {
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string key = it->path().stem().string();
      if (key.size() == kKeyDigits) keys.push_back(key);
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (const std::string& key : keys) {
    const auto held = FileLock::try_acquire(folder_ + "/" + key + ".lock");
    if (!held.ok() || !*held) continue;  // somebody makes it
    const auto note = read_note(folder_ + "/" + key + ".json");
    if (!note || !find(note->source)) {
      forget_key(key);
    } else {
      fs::remove_all(folder_ + "/.partial/" + key, error);
    }
  }
}

}  // namespace studio::catalogue
