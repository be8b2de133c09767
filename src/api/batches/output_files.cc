#include "api/batches/output_files.h"

#include <unordered_set>

#include "api/batches/input_check.h"
#include "api/batches/input_lines.h"
#include "api/batches/output_lines.h"
#include "api/files/file_rules.h"

namespace studio::api::batches {
namespace {

using store::FileDraft;
using store::StoredFile;

// "batch_<uuid>" -> "file-batch_output-<uuid>": told by the batch's id, so that a second writing replaces the first.
StoredFile description_of(const store::Batch& batch, const char* kind) {
  const std::string id = batch.batch_id.substr(batch.batch_id.find('_') + 1);
  return {.file_id = "file-batch_" + std::string(kind) + "-" + id,
          .owner = batch.owner,
          .name = batch.batch_id + "_" + kind + ".jsonl",
          .purpose = kPurposeOutput};
}

// Returns the numbers of the lines that were answered.
Result<std::unordered_set<int64_t>> write_answers(store::Batches& batches, const std::string& batch_id,
                                                  FileDraft& output, FileDraft& errors) {
  std::unordered_set<int64_t> answered;
  for (int64_t after = 0;;) {
    STUDIO_TRY(const auto answers, batches.answers_after(batch_id, after));
    if (answers.empty()) return answered;
    for (const store::LineAnswer& answer : answers) {
      STUDIO_CHECK_OK((answer.is_failed ? errors : output).append(answer.text + "\n"));
      answered.insert(answer.line);
    }
    after = answers.back().sequence;
  }
}

Status write_expired(const store::Batch& batch, const InputLine& line, FileDraft& errors) {
  auto request = read_line(line, batch.endpoint);
  return errors.append(unanswered_line(line_request_id(batch.batch_id, line.number),
                                       request.ok() ? request->custom_id : "", "batch_expired",
                                       "This request was not run before the batch's window ended.") +
                       "\n");
}

Result<std::optional<StoredFile>> place(store::Files& files, FileDraft draft, StoredFile file) {
  if (draft.size_bytes() == 0) return std::optional<StoredFile>();
  STUDIO_TRY(StoredFile placed, files.place(std::move(draft), std::move(file)));
  return std::optional(std::move(placed));
}

}  // namespace

Result<OutputFiles> write_output(store::Files& files, store::Batches& batches, const store::Batch& batch,
                                 bool is_expired) {
  STUDIO_TRY(FileDraft output, files.begin());
  STUDIO_TRY(FileDraft errors, files.begin());
  STUDIO_TRY(const auto answered, write_answers(batches, batch.batch_id, output, errors));
  OutputFiles written;
  // A batch that was still validated has no count of lines, and none ran.
  if (is_expired && batch.lines_total > 0) {
    STUDIO_TRY(written.unanswered, for_each_unanswered(files, batch, answered, [&](const InputLine& line) {
                 return write_expired(batch, line, errors);
               }));
  }
  STUDIO_TRY(written.output, place(files, std::move(output), description_of(batch, "output")));
  STUDIO_TRY(written.errors, place(files, std::move(errors), description_of(batch, "error")));
  return written;
}

}  // namespace studio::api::batches
