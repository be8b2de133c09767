#include "sequence_files.h"

#include <numeric>
#include <utility>

namespace studio::golden {
namespace {

constexpr int32_t kMaxPositions = 4096;  // far above what the tools write: a larger count is a broken file

Error cut() {
  return Error(Code::kCorruptData, "a sequence file is cut or holds an impossible length");
}

template <class T>
bool read_into(FILE* file, std::vector<T>& values) {
  return std::fread(values.data(), sizeof(T), values.size(), file) == values.size();
}

}  // namespace

Result<std::vector<std::vector<int32_t>>> read_tokens(const std::string& path) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return Error(Code::kNotFound, "cannot open " + path);
  std::vector<std::vector<int32_t>> sequences;
  int32_t length = 0;
  while (std::fread(&length, sizeof length, 1, file.get()) == 1) {
    if (length < 1 || length > kMaxPositions) return cut();
    std::vector<int32_t> ids(static_cast<size_t>(length));
    if (!read_into(file.get(), ids)) return cut();
    sequences.push_back(std::move(ids));
  }
  return sequences;
}

Result<LogitFile> LogitFile::open(const std::string& path, Kind kind, size_t vocab) {
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return Error(Code::kNotFound, "cannot open " + path);
  return LogitFile(file, kind, vocab);
}

Result<LogitRows> LogitFile::next() {
  int32_t count = 0;
  if (std::fread(&count, sizeof count, 1, file_.get()) != 1 || count < 1 || count > kMaxPositions) return cut();
  LogitRows rows;
  rows.positions.resize(static_cast<size_t>(count));
  std::iota(rows.positions.begin(), rows.positions.end(), 0);
  if (kind_ == Kind::kPicked && !read_into(file_.get(), rows.positions)) return cut();
  rows.values.resize(rows.positions.size() * vocab_);
  if (!read_into(file_.get(), rows.values)) return cut();
  return rows;
}

}  // namespace studio::golden
