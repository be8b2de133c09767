#include "api/batches/task_output.h"

#include <boost/json.hpp>
#include <unordered_set>

#include "api/batches/input_lines.h"
#include "api/files/file_rules.h"
#include "base/gzip.h"
#include "base/json.h"

namespace studio::api::batches {
namespace {

using store::FileDraft;

constexpr const char* kLate = "InternalError.Timeout";
constexpr size_t kPieceBytes = 1 << 20;  // of text that is packed at once

std::string text_in(const boost::json::object& object, const char* name, const char* fallback) {
  const boost::json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : fallback;
}

// Lines on their way into a file, packed.
class PackedLines {
 public:
  explicit PackedLines(FileDraft draft) : draft_(std::move(draft)) {}
  Status add(std::string_view line) {
    text_ += line;
    text_ += '\n';
    ++count_;
    return text_.size() < kPieceBytes ? Status(Ok{}) : flush(false);
  }
  Result<FileDraft> finish() {
    STUDIO_CHECK_OK(flush(true));
    return std::move(draft_);
  }
  int64_t count() const { return count_; }

 private:
  Status flush(bool is_last) {
    std::string packed = gzip_.pack(text_, is_last);
    text_.clear();
    return draft_.append(packed);
  }

  FileDraft draft_;
  Gzip gzip_;
  std::string text_;
  int64_t count_ = 0;
};

// Returns the numbers of the lines that were answered.
Result<std::unordered_set<int64_t>> write_answers(store::Batches& batches, const store::Batch& task,
                                                  PackedLines& packed) {
  std::unordered_set<int64_t> answered;
  for (int64_t line = 0;;) {
    STUDIO_TRY(const auto answers, batches.answers_behind_line(task.batch_id, line));
    if (answers.empty()) return answered;
    for (const store::LineAnswer& answer : answers) {
      STUDIO_CHECK_OK(packed.add(answer.text));
      answered.insert(answer.line);
    }
    line = answers.back().line;
  }
}

}  // namespace

std::string embedded_line(int64_t line, std::string_view vector) {
  return R"({"text_index":)" + std::to_string(line - 1) + R"(,"embedding":)" + std::string(vector) + "}";
}

std::string failed_line(int64_t line, std::string_view code, std::string_view message) {
  return to_json(boost::json::object{{"text_index", line - 1}, {"code", code}, {"message", message}});
}

std::string failed_line(int64_t line, std::string_view body) {
  const auto parsed = parse_json(body);
  const boost::json::object none;
  const boost::json::object* object = parsed.ok() ? parsed->if_object() : nullptr;
  if (!object) object = &none;
  return failed_line(line, text_in(*object, "code", "InternalError"),
                     text_in(*object, "message", "The text could not be embedded."));
}

Result<OutputFiles> write_task_output(store::Files& files, store::Batches& batches, const store::Batch& task,
                                      bool is_expired) {
  STUDIO_TRY(FileDraft draft, files.begin());
  PackedLines packed(std::move(draft));
  STUDIO_TRY(const auto answered, write_answers(batches, task, packed));
  OutputFiles written;
  // A task that waited to its end has no count of lines, and none ran.
  if (is_expired && task.lines_total > 0) {
    STUDIO_TRY(written.unanswered, for_each_unanswered(files, task, answered, [&](const InputLine& line) {
                 return packed.add(failed_line(line.number, kLate, "The task's time ended before this text."));
               }));
  }
  if (packed.count() == 0) return written;
  STUDIO_TRY(FileDraft whole, packed.finish());
  STUDIO_TRY(written.output, files.place(std::move(whole), {.file_id = "file-task_output-" + task.batch_id,
                                                            .owner = task.owner,
                                                            .name = task.batch_id + ".jsonl.gz",
                                                            .purpose = kPurposeTaskOutput}));
  return written;
}

}  // namespace studio::api::batches
