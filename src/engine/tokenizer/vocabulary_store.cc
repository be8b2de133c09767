#include "engine/tokenizer/vocabulary_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "engine/tokenizer/known_files.h"
#include "engine/tokenizer/side_by_side.h"

namespace studio::engine {
namespace {

constexpr uint64_t kWorthAThread = 1u << 20;  // bytes to digest, half a millisecond
constexpr unsigned kOwnerOnly = 0600;

std::string_view text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of the whole file, or of a part of it.
Result<VocabularyTables> read_tables(const std::string& path, const FilePart* part, const Sha256Digest& vocabulary) {
  STUDIO_TRY(const auto file, UnmappedFile::open(path));
  const uint64_t begin = part == nullptr ? 0 : part->offset, size = part == nullptr ? file.size() : part->bytes;
  if (size > std::min(VocabularyTables::kMaxBytes, file.size())) {
    return Error(Code::kCorruptData, "the tables are larger than they may be");
  }
  TableMemory block(size);
  STUDIO_CHECK_OK(file.read_into(block.bytes(), begin));
  return VocabularyTables::parse(std::move(block), vocabulary);
}

void log_not(const char* event, const std::string& path, const Error& error) {
  log::info(event, {{"path", path}, {"reason", error.message()}});
}

// Nothing where they are not.
std::optional<VocabularyTables> sound_tables(const std::string& path, const FilePart* part,
                                             const Sha256Digest& vocabulary) {
  auto tables = read_tables(path, part, vocabulary);
  if (tables.ok()) return std::move(*tables);
  if (tables.error().code() != Code::kNotFound) log_not("vocabulary.passed_over", path, tables.error());
  return std::nullopt;
}

}  // namespace

std::optional<Sha256Digest> vocabulary_digest(const ModelSource& file) {
  const std::array<const MetadataEntry*, 3> lists = {file.find_entry(kTokensKey), file.find_entry(kMergesKey),
                                                     file.find_entry(kTokenTypesKey)};
  uint64_t bytes = 0;
  for (const MetadataEntry* list : lists) {
    if (list == nullptr) return std::nullopt;
    bytes += list->payload.size();
  }
  // Each list by itself, the two long ones beside each other, then the digests and kinds of all.
  std::array<Sha256Digest, 3> digests;
  const auto digest = [&](size_t i) { digests[i] = sha256(text_of(lists[i]->payload)); };
  side_by_side([&] { digest(0); },
               [&] {
                 digest(1);
                 digest(2);
               },
               bytes >= kWorthAThread);
  std::string all;
  for (size_t i = 0; i < lists.size(); ++i) {
    all += std::string(gguf_type_name(lists[i]->type)) + ' ' + std::string(gguf_type_name(lists[i]->element_type)) +
           ' ' + std::to_string(lists[i]->count) + ' ' + to_hex(digests[i]) + '\n';
  }
  return sha256(all);
}

std::string tables_path(const std::string& folder, const Sha256Digest& vocabulary) {
  return folder + "/" + to_hex(vocabulary) + ".vocabulary";
}

std::optional<VocabularyTables> find_tables(const KeptTables& kept, const Sha256Digest& vocabulary) {
  if (kept.carried) {
    if (auto tables = sound_tables(kept.carried->path, &*kept.carried, vocabulary)) return tables;
  }
  if (kept.folder.empty()) return std::nullopt;
  return sound_tables(tables_path(kept.folder, vocabulary), nullptr, vocabulary);
}

std::optional<VocabularyTables> find_named_tables(const KeptTables& kept, const ModelSource& file) {
  if (!kept.carried || !file.digest()) return std::nullopt;
  const auto name = file.find_string(kPanelVocabularyDigestKey);
  const auto vocabulary = name.ok() && *name ? digest_of_hex(**name) : std::nullopt;
  if (!vocabulary) return std::nullopt;
  return sound_tables(kept.carried->path, &*kept.carried, *vocabulary);
}

std::optional<VocabularyTables> find_remembered_tables(const KeptTables& kept, const ModelSource& file) {
  if (kept.folder.empty() || !file.identity()) return std::nullopt;
  const auto vocabulary = find_known_file(kept.folder, *file.identity());
  const MetadataEntry *tokens = file.find_entry(kTokensKey), *merges = file.find_entry(kMergesKey);
  if (!vocabulary || tokens == nullptr || merges == nullptr) return std::nullopt;
  auto tables = find_tables(kept, *vocabulary);
  if (!tables || tables->token_count() != tokens->count || tables->merge_count() != merges->count) return std::nullopt;
  return tables;
}

void remember_tables(const KeptTables& kept, const ModelSource& file, const Sha256Digest& vocabulary) {
  if (kept.folder.empty() || !file.identity()) return;
  remember_file(kept.folder, *file.identity(), vocabulary, std::chrono::system_clock::now());
}

void keep_tables(const KeptTables& kept, const VocabularyTables& tables, const Sha256Digest& vocabulary) {
  if (kept.folder.empty()) return;
  const std::string path = tables_path(kept.folder, vocabulary);
  std::error_code error;
  // What fails here fails below.
  if (std::filesystem::create_directory(kept.folder, error)) {
    std::filesystem::permissions(kept.folder, std::filesystem::perms::owner_all, error);
  }
  const Status written = write_file_atomically(path, text_of(tables.block()), kOwnerOnly);
  if (!written.ok()) log_not("vocabulary.not_kept", path, written.error());
}

}  // namespace studio::engine
