#include "engine/layers/panel_import.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "engine/formats/block_codec.h"
#include "engine/formats/gguf_writer.h"
#include "engine/formats/panel_file.h"
#include "engine/formats/quantise.h"
#include "engine/formats/source_error.h"
#include "engine/formats/tensor_rows.h"
#include "engine/kernels/panel_matrix.h"

namespace studio::engine {
namespace {

// Rows worked on at once: whole panels, and enough of them to keep every thread busy.
constexpr uint64_t kRowsAtOnce = 512;
static_assert(kRowsAtOnce % kPanelRows == 0);

// What is written at once, and begins at a multiple of itself: the kernel keeps such a piece as one large page (of
// x86-64), which a start maps at once where small ones cost a fault for every few.
constexpr uint64_t kWrittenAtOnce = 2u << 20;

constexpr float kLargestF16 = 65504.0f;  // beyond it F16 and the f16 scales of blocks are infinite

constexpr std::string_view kNoDigestYet = "0000000000000000000000000000000000000000000000000000000000000000";

struct NamedTypes {
  std::string_view name;
  ImportTypes types;
};

// Q4 heads cost more accuracy than all the rest of their bytes save: 6 bits there.
constexpr NamedTypes kNamedTypes[] = {
    {"none", {}},
    {"f32", {DType::kF32, DType::kF32}},
    {"f16", {DType::kF16, DType::kF16}},
    {"bf16", {DType::kBF16, DType::kBF16}},
    {"q8_0", {DType::kQ8_0, DType::kQ8_0}},
    {"q6_k", {DType::kQ6_K, DType::kQ6_K}},
    {"q4_k", {DType::kQ4_K, DType::kQ6_K}},
    {"q4_0", {DType::kQ4_0, DType::kQ6_K}},
};

bool is_head(std::string_view name) {
  return name == "token_embd.weight" || name == "output.weight";
}

// The finest type no wider than wanted whose blocks a row of `width` fills.
DType fitting(DType wanted, uint64_t width) {
  if (width % block_elements(wanted) == 0) return wanted;
  const DType smaller = wanted == DType::kQ6_K ? DType::kQ8_0 : DType::kQ4_0;
  return width % block_elements(smaller) == 0 ? smaller : DType::kF16;
}

DType type_of(const TensorInfo& tensor, const ImportTypes& types) {
  if (tensor.n_dims == 1) return DType::kF32;
  const auto& wanted = is_head(tensor.name) ? types.head : types.matrices;
  return wanted ? fitting(*wanted, tensor.row_elements()) : tensor.dtype;
}

Error disk_error(const std::string& doing, int number) {
  const bool is_full = number == ENOSPC || number == EDQUOT;
  return Error(is_full ? Code::kFailedPrecondition : Code::kUnavailable, doing + ": " + std::strerror(number));
}

// The file on its way; gone again unless it was finished.
class GrowingFile {
 public:
  explicit GrowingFile(std::string path)
      : path_(std::move(path)), temporary_(path_ + ".new." + std::to_string(::getpid())) {}
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;
  ~GrowingFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }

  Status create() {
    fd_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) return disk_error("cannot create " + temporary_, errno);
    return Ok{};
  }

  // Of bytes after bytes; a gap of less than kWrittenAtOnce is zeros.
  Status write_at(uint64_t offset, std::span<const uint8_t> bytes) {
    const uint64_t end = begin_ + waiting_.size();
    if (offset < end || offset - end >= kWrittenAtOnce) {
      STUDIO_CHECK_OK(flush());
      begin_ = offset;
    } else {
      STUDIO_CHECK_OK(append(offset - end, nullptr));
    }
    return append(bytes.size(), bytes.data());
  }

  // Everything is in the file.
  Status flush() {
    size_t done = 0;
    while (done < waiting_.size()) {
      const ssize_t count =
          ::pwrite(fd_, waiting_.data() + done, waiting_.size() - done, static_cast<off_t>(begin_ + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return disk_error("cannot write " + temporary_, errno);
      done += static_cast<size_t>(count);
    }
    begin_ += waiting_.size();
    waiting_.clear();
    return Ok{};
  }

  const std::string& temporary() const { return temporary_; }

  Status finish() {
    if (::fsync(fd_) != 0) return disk_error("cannot sync " + temporary_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return disk_error("cannot rename to " + path_, errno);
    ::close(std::exchange(fd_, -1));
    return Ok{};
  }

 private:
  // Zeros where there are no bytes.
  Status append(uint64_t count, const uint8_t* bytes) {
    while (count > 0) {
      const uint64_t room = kWrittenAtOnce - (begin_ + waiting_.size()) % kWrittenAtOnce, part = std::min(room, count);
      if (bytes == nullptr) {
        waiting_.resize(waiting_.size() + part);
      } else {
        waiting_.insert(waiting_.end(), bytes, bytes + part);
        bytes += part;
      }
      count -= part;
      if (part == room) STUDIO_CHECK_OK(flush());
    }
    return Ok{};
  }

  std::string path_, temporary_;
  int fd_ = -1;
  std::vector<uint8_t> waiting_;  // at most kWrittenAtOnce
  uint64_t begin_ = 0;            // where they will lie
};

// Rows [first, first + count) of a tensor as the bytes of a type. Errors: corrupt_data where a value is not finite.
class RowReader {
 public:
  RowReader(const TensorInfo& tensor, DType type, ThreadPool& pool) : tensor_(tensor), type_(type), pool_(pool) {}

  Result<std::vector<uint8_t>> read(uint64_t first, uint64_t count) const {
    std::vector<uint8_t> rows = rows_in_order(tensor_, first, count);
    if (type_ == tensor_.dtype) return rows;
    const size_t width = tensor_.row_elements();
    const size_t from_bytes = row_bytes(tensor_.dtype, width), to_bytes = row_bytes(type_, width);
    std::vector<uint8_t> encoded(to_bytes * count);
    const float limit = type_ == DType::kF32 || type_ == DType::kBF16 ? std::numeric_limits<float>::max() : kLargestF16;
    std::vector<uint8_t> is_right(count, 1);
    pool_.parallel_for(static_cast<int64_t>(count), 1, [&](int64_t begin, int64_t end, int) {
      std::vector<float> values(width);
      for (int64_t i = begin; i < end; ++i) {
        const auto row = static_cast<size_t>(i);
        decode_row(tensor_.dtype, rows.data() + row * from_bytes, values.data(), width);
        // A comparison with NaN fails too.
        is_right[row] =
            std::all_of(values.begin(), values.end(), [&](float value) { return std::fabs(value) <= limit; });
        if (is_right[row] != 0) quantise_row(type_, values.data(), encoded.data() + row * to_bytes, width);
      }
    });
    if (std::find(is_right.begin(), is_right.end(), 0) != is_right.end()) {
      return Error(Code::kCorruptData, "tensor " + quoted(tensor_.name) +
                                           " holds a value that is not finite, or too large for " +
                                           std::string(dtype_name(type_)));
    }
    return encoded;
  }

 private:
  const TensorInfo& tensor_;
  DType type_;
  ThreadPool& pool_;
};

// One import: the state its steps share.
class Import {
 public:
  Import(const ModelSource& source, const ImportOptions& options, const ImportTypes& types, GrowingFile& file,
         ThreadPool& pool)
      : source_(source), options_(options), types_(types), file_(file), pool_(pool) {}

  Status run() {
    STUDIO_CHECK_OK(check_types());
    for (const TensorInfo& tensor : source_.tensors()) {
      entries_.push_back({.name = std::string(tensor.name),
                          .dtype = type_of(tensor, types_),
                          .shape = {tensor.row_elements(), tensor.rows()},
                          .n_dims = tensor.n_dims,
                          .sha256 = std::string(kNoDigestYet)});
      total_ += static_cast<int64_t>(tensor.data.size());
    }
    // Digests are of one length, so the head with none yet shows where the tensors begin.
    STUDIO_TRY(const auto draft, panel_file_head(metadata(0), entries_, 0));
    STUDIO_CHECK_OK(file_.write_at(draft.size(), options_.vocabulary));
    uint64_t at = whole_pages(draft.size() + options_.vocabulary.size());
    for (size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].offset = at;
      STUDIO_CHECK_OK(write_tensor(source_.tensors()[i], entries_[i]));
      at = whole_pages(at + entries_[i].size);
    }
    // The last page is whole too, so that nothing past the end is ever mapped.
    const uint8_t end = 0;
    if (at > draft.size() && entries_.back().offset + entries_.back().size < at) {
      STUDIO_CHECK_OK(file_.write_at(at - 1, {&end, 1}));
    }
    STUDIO_TRY(const auto head, panel_file_head(metadata(draft.size()), entries_, at));
    if (head.size() != draft.size()) return Error(Code::kInternal, "the head of the panel file changed its size");
    STUDIO_CHECK_OK(file_.write_at(0, head));
    return file_.flush();
  }

 private:
  // Blocks are quantised from the values they were made from, once: twice would add one error to another unseen.
  Status check_types() const {
    if (source_.format() == "panels") {
      return Error(Code::kInvalidArgument, "this is a panel file already; import the model it was made of");
    }
    for (const TensorInfo& tensor : source_.tensors()) {
      if (tensor.n_dims > 2) {
        return Error(Code::kUnimplemented, "tensor " + quoted(tensor.name) + " has more than two dimensions");
      }
      if (!is_quantised(tensor.dtype) || type_of(tensor, types_) == tensor.dtype || tensor.n_dims == 1) continue;
      return Error(Code::kInvalidArgument, "tensor " + quoted(tensor.name) + " is quantised already (" +
                                               std::string(dtype_name(tensor.dtype)) +
                                               "); import it with --quantise none, or from its unquantised weights");
    }
    return Ok{};
  }

  static uint64_t whole_pages(uint64_t bytes) { return (bytes + kPanelPage - 1) / kPanelPage * kPanelPage; }

  GgufWriter metadata(uint64_t vocabulary_at) const {
    GgufWriter writer;
    for (const MetadataEntry& entry : source_.metadata()) {
      if (entry.key == "general.alignment" || entry.key.starts_with("studio.panels.")) continue;
      writer.add_entry(entry);
    }
    writer.add_string(kPanelLayoutKey, kPanelLayoutName);
    writer.add_string(kPanelSourceFormatKey, source_.format());
    writer.add_string(kPanelSourceDigestKey, options_.source_sha256);
    writer.add_string(kPanelQuantiseKey, options_.quantise);
    if (!options_.vocabulary.empty()) {
      writer.add_u64(kPanelVocabularyAtKey, vocabulary_at);
      writer.add_u64(kPanelVocabularyBytesKey, options_.vocabulary.size());
      if (!options_.vocabulary_sha256.empty()) writer.add_string(kPanelVocabularyDigestKey, options_.vocabulary_sha256);
    }
    return writer;
  }

  Status write_tensor(const TensorInfo& tensor, PanelEntry& entry) {
    const RowReader reader(tensor, entry.dtype, pool_);
    Sha256 digest;
    for (uint64_t first = 0; first < tensor.rows(); first += kRowsAtOnce) {
      const uint64_t count = std::min(kRowsAtOnce, tensor.rows() - first);
      STUDIO_TRY(const auto rows, reader.read(first, count));
      if (tensor.n_dims == 1) {
        STUDIO_CHECK_OK(append(rows, entry, digest));
      } else {
        STUDIO_TRY(const auto panels, PanelMatrix::build(entry.dtype, static_cast<int64_t>(count),
                                                         static_cast<int64_t>(tensor.row_elements()), rows, &pool_));
        STUDIO_CHECK_OK(append(panels.data(), entry, digest));
      }
      done_ += static_cast<int64_t>(row_bytes(tensor.dtype, tensor.row_elements()) * count);
      if (options_.on_bytes) options_.on_bytes(done_, total_);
    }
    entry.sha256 = to_hex(digest.finish());
    return Ok{};
  }

  Status append(std::span<const uint8_t> bytes, PanelEntry& entry, Sha256& digest) {
    digest.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    STUDIO_CHECK_OK(file_.write_at(entry.offset + entry.size, bytes));
    entry.size += bytes.size();
    return Ok{};
  }

  const ModelSource& source_;
  const ImportOptions& options_;
  const ImportTypes& types_;
  GrowingFile& file_;
  ThreadPool& pool_;
  std::vector<PanelEntry> entries_;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace

Result<ImportTypes> import_types(std::string_view name) {
  for (const NamedTypes& named : kNamedTypes) {
    if (named.name == name) return named.types;
  }
  return Error(Code::kInvalidArgument, "quantise: " + quoted(name) + " is not one of " + std::string(kImportTypeNames))
      .with_param("quantise");
}

Status import_panels(const ModelSource& source, const std::string& path, const ImportOptions& options,
                     ThreadPool& pool) {
  STUDIO_TRY(const ImportTypes types, import_types(options.quantise));
  GrowingFile file(path);
  STUDIO_CHECK_OK(file.create());
  STUDIO_CHECK_OK(Import(source, options, types, file, pool).run());
  {
    STUDIO_TRY(const ModelSource written, open_panel_file(file.temporary()));
    STUDIO_CHECK_OK(check_panel_digests(written));
  }
  return file.finish();
}

}  // namespace studio::engine
