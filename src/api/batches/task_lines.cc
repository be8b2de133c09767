// A task: each line is a text, of which a model of vectors makes one, as the task's parameters say.
#include <boost/json.hpp>

#include "api/batches/line_kind.h"
#include "api/batches/output_lines.h"
#include "api/batches/task_output.h"
#include "api/batches/text_check.h"
#include "api/dashscope/encoder_routes.h"
#include "api/dashscope/errors.h"
#include "api/dashscope/task_wire.h"

namespace studio::api::batches {
namespace {

http::Response refusal_of(const Error& error, const std::string& request_id) {
  return dashscope::error_response(error, request_id);
}

class TaskLines final : public LineKind {
 public:
  std::unique_ptr<FileCheck> check(InputLines lines, const store::Batch& task,
                                   const ServedModels& models) const override {
    auto model = models.find(task.title, ModelKind::kVectors);
    return std::make_unique<TextCheck>(std::move(lines), model.ok() ? Status(Ok{}) : std::move(model).error());
  }

  Result<LineCall> call_of(const store::Batch& task, const InputLine& line) const override {
    STUDIO_TRY(std::string body, dashscope::body_of_text(task, line.text));
    return LineCall{.batch_id = task.batch_id,
                    .line = line.number,
                    .owner = task.owner,
                    .endpoint = task.endpoint,
                    .request_id = line_request_id(task.batch_id, line.number),
                    .custom_id = "",
                    .body = std::move(body),
                    .door = {dashscope::embed_text_of_task, refusal_of}};
  }

  std::string line_of(const LineOutcome& outcome) const override {
    return outcome.status == 200 ? embedded_line(outcome.call.line, outcome.body)
                                 : failed_line(outcome.call.line, outcome.body);
  }

  Result<OutputFiles> write_output(store::Files& files, store::Batches& batches, const store::Batch& task,
                                   bool is_expired) const override {
    return write_task_output(files, batches, task, is_expired);
  }
};

}  // namespace

const LineKind& task_lines() {
  static const TaskLines kind;
  return kind;
}

}  // namespace studio::api::batches
