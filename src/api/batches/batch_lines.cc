// A batch: each line is a request, with its own id and body, to the batch's endpoint.
#include "api/batches/input_check.h"
#include "api/batches/line_kind.h"
#include "api/batches/output_lines.h"
#include "api/openai/errors.h"
#include "api/openai/routes.h"
#include "api/openai/test_model.h"

namespace studio::api::batches {
namespace {

http::Response refusal_of(const Error& error, const std::string& request_id) {
  return openai::error_response(error, request_id);
}

class BatchLines final : public LineKind {
 public:
  std::unique_ptr<FileCheck> check(InputLines lines, const store::Batch& batch,
                                   const ServedModels& models) const override {
    const bool is_test = batch.endpoint == openai::kTestUrl;
    const auto is_served = [is_test, &models](const std::string& name) {
      return is_test ? name == openai::kTestModel : models.find(name).ok();
    };
    return std::make_unique<InputCheck>(std::move(lines), batch.endpoint, is_served,
                                        is_test ? openai::kMaxTestLines : kMaxLines);
  }

  Result<LineCall> call_of(const store::Batch& batch, const InputLine& line) const override {
    STUDIO_TRY(auto request, read_line(line, batch.endpoint));
    return LineCall{.batch_id = batch.batch_id,
                    .line = line.number,
                    .owner = batch.owner,
                    .endpoint = batch.endpoint,
                    .request_id = line_request_id(batch.batch_id, line.number),
                    .custom_id = std::move(request.custom_id),
                    .body = std::move(request.body),
                    .door = {openai::handler_of_line(batch.endpoint), refusal_of}};
  }

  std::string line_of(const LineOutcome& outcome) const override {
    return answered_line(outcome.call.request_id, outcome.call.custom_id, outcome.status, outcome.body);
  }

  Result<OutputFiles> write_output(store::Files& files, store::Batches& batches, const store::Batch& batch,
                                   bool is_expired) const override {
    return batches::write_output(files, batches, batch, is_expired);
  }
};

}  // namespace

const LineKind& batch_lines() {
  static const BatchLines kind;
  return kind;
}

}  // namespace studio::api::batches
