// Which vocabulary the model files met before hold, so that a file that rests is not digested at every start
// (docs/formats/vocabulary_tables.md).
//
// One small file beside the kept tables. It fails closed: a model's file that differs in anything the system says of it
// is not known, and a record that is not whole, of another version or somebody else's is begun anew. Who can write
// there can write the tables as well. Any thread, any process: of two that write at once the later one stays.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/file.h"

namespace studio::engine {

inline constexpr std::string_view kKnownFilesName = "known_files";
// The record is read at every start: 64 files are 4.6 kB, and more models than a machine serves at a time.
inline constexpr size_t kMaxKnownFiles = 64;
// Two writes within one tick of a file system's clock leave the same times: ticks are 4 ms, of some systems 2 s. Who
// writes through a mapping sets them once until the system has cleaned the page, 35 s by Linux' settings as they come.
inline constexpr std::chrono::seconds kRestBeforeKnown{60};

// Nothing for a file that was not remembered, or changed since.
std::optional<Sha256Digest> find_known_file(const std::string& folder, const FileIdentity& file);

// A file whose last change is less than kRestBeforeKnown before `now` is not remembered. Whole or not at all; that it
// cannot be written is logged, and the file digested again.
void remember_file(const std::string& folder, const FileIdentity& file, const Sha256Digest& vocabulary,
                   std::chrono::system_clock::time_point now);

}  // namespace studio::engine
