// What differs between the kinds of files that the runner works through: a batch's lines are requests of the OpenAI
// dialect, a task's are texts of the DashScope dialect. Without state: any thread.
#pragma once

#include <memory>
#include <string>

#include "api/batches/file_check.h"
#include "api/batches/input_lines.h"
#include "api/batches/line_run.h"
#include "api/batches/output_files.h"
#include "api/serving/served_models.h"
#include "store/batches.h"
#include "store/files.h"

namespace studio::api::batches {

class LineKind {
 public:
  virtual ~LineKind() = default;
  virtual std::unique_ptr<FileCheck> check(InputLines lines, const store::Batch& batch,
                                           const ServedModels& models) const = 0;
  // A line of a file that was checked, as a request.
  virtual Result<LineCall> call_of(const store::Batch& batch, const InputLine& line) const = 0;
  // What is told of a line that was answered: one line, without its end.
  virtual std::string line_of(const LineOutcome& outcome) const = 0;
  // From the answers in the store. `is_expired`: lines without one are told, too. Blocks for the disk.
  virtual Result<OutputFiles> write_output(store::Files& files, store::Batches& batches, const store::Batch& batch,
                                           bool is_expired) const = 0;
};

const LineKind& batch_lines();  // batch_lines.cc
const LineKind& task_lines();   // task_lines.cc

inline const LineKind& kind_of(const store::Batch& batch) {
  return batch.is_task ? task_lines() : batch_lines();
}

}  // namespace studio::api::batches
