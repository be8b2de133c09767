#include "engine/tokenizer/known_files.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/log.h"

namespace studio::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "the record is little-endian, and read as it lies");

constexpr std::string_view kMagic = "STUDIOVF";
// Another one with every change of what stands here, or of what a vocabulary's digest is.
constexpr uint32_t kVersion = 1;
constexpr unsigned kOwnerOnly = 0600;

struct Head {
  char magic[8];
  uint32_t version;
  uint32_t count;
};
struct Entry {
  FileIdentity file;
  Sha256Digest vocabulary;
};
static_assert(sizeof(Head) == 16 && sizeof(Entry) == 72);
constexpr size_t kMaxBytes = sizeof(Head) + kMaxKnownFiles * sizeof(Entry) + sizeof(Sha256Digest);

std::string path_in(const std::string& folder) {
  return folder + "/" + std::string(kKnownFilesName);
}

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Head, entries, the SHA-256 of both. Nothing of a record that is not sound.
std::vector<Entry> read_entries(const std::string& folder) {
  const auto record = read_file(path_in(folder), kMaxBytes);
  Head head;
  Sha256Digest digest;
  if (!record.ok() || record->size() < sizeof head + sizeof digest) return {};
  std::memcpy(&head, record->data(), sizeof head);
  if (std::string_view(head.magic, sizeof head.magic) != kMagic || head.version != kVersion) return {};
  if (head.count > kMaxKnownFiles) return {};
  const size_t content = sizeof head + head.count * sizeof(Entry);
  if (record->size() != content + sizeof digest) return {};
  std::memcpy(digest.data(), record->data() + content, sizeof digest);
  if (sha256(std::string_view(*record).substr(0, content)) != digest) return {};
  std::vector<Entry> entries(head.count);
  if (head.count > 0) std::memcpy(entries.data(), record->data() + sizeof head, content - sizeof head);
  return entries;
}

}  // namespace

std::optional<Sha256Digest> find_known_file(const std::string& folder, const FileIdentity& file) {
  for (const Entry& entry : read_entries(folder)) {
    if (entry.file == file) return entry.vocabulary;
  }
  return std::nullopt;
}

void remember_file(const std::string& folder, const FileIdentity& file, const Sha256Digest& vocabulary,
                   std::chrono::system_clock::time_point now) {
  const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  const int64_t rest_ns = std::chrono::nanoseconds(kRestBeforeKnown).count();
  if (std::max(file.modified_ns, file.changed_ns) > now_ns - rest_ns) return;
  // The newest first; what the same file was before goes, and of too many the oldest.
  std::vector<Entry> entries = read_entries(folder);
  std::erase_if(entries,
                [&](const Entry& entry) { return entry.file.device == file.device && entry.file.inode == file.inode; });
  entries.insert(entries.begin(), {file, vocabulary});
  entries.resize(std::min(entries.size(), kMaxKnownFiles));

  Head head{};
  std::copy(kMagic.begin(), kMagic.end(), head.magic);
  head.version = kVersion;
  head.count = static_cast<uint32_t>(entries.size());
  std::string record(bytes_of(head));
  for (const Entry& entry : entries) record += bytes_of(entry);
  const Sha256Digest digest = sha256(record);
  record += bytes_of(digest);
  const Status written = write_file_atomically(path_in(folder), record, kOwnerOnly);
  if (!written.ok()) {
    log::info("vocabulary.not_remembered", {{"path", path_in(folder)}, {"reason", written.error().message()}});
  }
}

}  // namespace studio::engine
