#include "api/openai/test_model.h"

#include <ctime>

#include "api/openai/errors.h"
#include "api/openai/parse.h"
#include "api/openai/render.h"

namespace studio::api::openai {

void answer_test(const Services&, const std::shared_ptr<http::Exchange>& exchange) {
  const std::string& request_id = exchange->request().request_id;
  const auto call = parse_chat(exchange->request().body);
  if (!call.ok()) return exchange->respond(error_response(call.error(), request_id));
  if (call->generate.model != kTestModel) {
    return exchange->respond(
        error_response(Error(Code::kNotFound, "This endpoint is for the model '" + std::string(kTestModel) + "' alone.")
                           .with_param("model"),
                       request_id));
  }
  const AnswerHead head{.endpoint = Endpoint::kChat,
                        .id = answer_id(Endpoint::kChat, request_id),
                        .created = std::time(nullptr),
                        .model = kTestModel};
  inference::GenerationEnd end;
  end.finish = {inference::Finish::kStop};
  ChoiceAnswer choice;
  choice.text = "This is a test of the batch interface.";
  exchange->respond(http::Response::json(200, render_answer(head, {choice}, end)));
}

}  // namespace studio::api::openai
