// Tables of vocabularies that were built once, kept in a folder: DIGEST.vocabulary each
// (docs/formats/vocabulary_tables.md).
//
// The name and the file itself say of which vocabulary they are, by the SHA-256 of its lists as the model's file holds
// them; what does not fit in every respect is passed over and written anew. The folder may be emptied at any time.
// Models of one vocabulary share a file. Any thread, any process.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "engine/formats/model_source.h"
#include "engine/formats/panel_file.h"
#include "engine/tokenizer/vocabulary_tables.h"

namespace studio::engine {

inline constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens", kTokenTypesKey = "tokenizer.ggml.token_type",
                                  kMergesKey = "tokenizer.ggml.merges";

// Of all that tables are made of. Nothing where a list is missing.
std::optional<Sha256Digest> vocabulary_digest(const ModelSource& file);

// Where tables may be kept.
struct KeptTables {
  std::string folder;               // for those of all models; empty: none
  std::optional<FilePart> carried;  // by the model's own file
};

std::string tables_path(const std::string& folder, const Sha256Digest& vocabulary);

// Nothing where there are none that fit.
std::optional<VocabularyTables> find_tables(const KeptTables& kept, const Sha256Digest& vocabulary);

// Those of the vocabulary that this file was found to have when it was last digested, where it is unchanged since
// (known_files.h): its lists need no digest then. Of as many tokens and merges as the lists have.
std::optional<VocabularyTables> find_remembered_tables(const KeptTables& kept, const ModelSource& file);

// Those that the model's file carries and its head names, where the head is proved by a digest: the lists, which are a
// part of it, need none of their own then.
std::optional<VocabularyTables> find_named_tables(const KeptTables& kept, const ModelSource& file);

// Next time find_remembered_tables() finds them.
void remember_tables(const KeptTables& kept, const ModelSource& file, const Sha256Digest& vocabulary);

// In the folder, if there is one; whole or not at all. That they cannot be written is logged, and no error: the next
// start builds them again.
void keep_tables(const KeptTables& kept, const VocabularyTables& tables, const Sha256Digest& vocabulary);

}  // namespace studio::engine
