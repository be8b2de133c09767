#include "api/batches/input_lines.h"

#include <algorithm>

namespace studio::api::batches {
namespace {

constexpr uint64_t kReadBytes = 256 * 1024;  // some hundred lines at once, and a long one in a few steps

bool is_blank(std::string_view line) {
  return std::ranges::all_of(line, [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
}

}  // namespace

Result<bool> InputLines::read_more() {
  if (read_ == file_.size()) return false;
  held_.erase(0, at_);
  at_ = 0;
  STUDIO_TRY(const auto piece, file_.read(read_, std::min(kReadBytes, file_.size() - read_)));
  read_ += piece.size();
  held_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  return true;
}

Status InputLines::skip_line() {
  while (true) {
    const size_t end = held_.find('\n', at_);
    at_ = end == std::string::npos ? held_.size() : end + 1;
    if (end != std::string::npos) return Ok{};
    STUDIO_TRY(const bool is_more, read_more());
    if (!is_more) return Ok{};
  }
}

Result<std::optional<InputLine>> InputLines::next() {
  size_t looked_at = 0;  // of the line that begins at at_
  while (true) {
    const size_t end = held_.find('\n', at_ + looked_at);
    const size_t size = std::min(end, held_.size()) - at_;
    if (size > kMaxLineBytes) {
      ++number_;
      STUDIO_CHECK_OK(skip_line());
      return Error(Code::kPayloadTooLarge, "The line is longer than " + std::to_string(kMaxLineBytes >> 20) + " MiB.");
    }
    if (end == std::string::npos) {
      looked_at = size;
      STUDIO_TRY(const bool is_more, read_more());
      if (is_more) continue;
      if (size == 0) return std::optional<InputLine>();
    }
    ++number_;
    std::string text = held_.substr(at_, size);
    at_ = std::min(at_ + size + 1, held_.size());
    looked_at = 0;
    if (text.ends_with('\r')) text.pop_back();
    if (!is_blank(text)) return std::optional(InputLine{number_, std::move(text)});
  }
}

Result<int64_t> for_each_unanswered(store::Files& files, const store::Batch& batch,
                                    const std::unordered_set<int64_t>& answered,
                                    const std::function<Status(const InputLine&)>& write) {
  STUDIO_TRY(const auto input, files.find(batch.owner, batch.input_file_id));
  STUDIO_TRY(auto bytes, files.read(input));
  InputLines lines(std::move(bytes));
  int64_t count = 0;
  while (true) {
    STUDIO_TRY(const auto line, lines.next());
    if (!line) return count;
    if (answered.contains(line->number)) continue;
    STUDIO_CHECK_OK(write(*line));
    ++count;
  }
}

}  // namespace studio::api::batches
