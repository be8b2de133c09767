#include "api/responses/writer.h"

#include <boost/json.hpp>

#include "api/openai/errors.h"
#include "api/responses/events.h"
#include "api/responses/render.h"
#include "base/json.h"
#include "base/log.h"
#include "http/sse.h"

namespace studio::api::responses {
namespace {

class Writer final : public AnswerWriter {
 public:
  explicit Writer(WriterOptions options)
      : keep_(std::move(options.keep)),
        is_gone_(std::move(options.is_gone)),
        request_id_(std::move(options.request_id)),
        record_(std::move(options.record)),
        events_(record_) {}

  bool names_degraded() const override { return true; }  // the response itself does
  http::Response stream_head() const override { return http::sse_head(); }
  std::string heartbeat() const override { return std::string(http::kSseHeartbeat); }
  std::string event_heartbeat() const override { return kKeepAlive; }

  std::string opening() override {
    std::string events = events_.created();
    return events + events_.started();
  }

  std::string pieces(const inference::ChoiceDelta& delta) override {
    std::string events;
    const size_t before = record_.pieces.size();
    add_delta(delta, record_);
    for (size_t i = before; i < record_.pieces.size(); ++i) events += events_.piece(record_.pieces[i]);
    return events;
  }

  std::string ending(const AnswerEnd& end) override {
    end_record(end.generation, record_);
    if (Status kept = keep(); !kept.ok()) {
      fail_record(failure_of(kept.error()), State::kFailed, record_);
      (void)keep();  // that much may find room, where it was the conversation that had none
    }
    return events_.ended(record_);
  }

  // Kept too: its asker knows its id.
  std::string failure(const Error& error) override {
    fail_record(failure_of(error), is_gone_() ? State::kCancelled : State::kFailed, record_);
    (void)keep();
    return events_.ended(record_);
  }

  http::Response whole(const std::vector<ChoiceAnswer>& choices, const AnswerEnd& end) override {
    const ChoiceAnswer& choice = choices.front();
    inference::ChoiceDelta all{
        .choice = 0, .reasoning = choice.reasoning, .text = choice.text, .tool_calls = {}, .logprobs = choice.logprobs};
    for (const inference::ToolCall& call : choice.tool_calls) {
      all.tool_calls.push_back({.id = call.id, .name = call.name, .arguments = call.arguments});
    }
    add_delta(all, record_);
    end_record(end.generation, record_);
    if (Status kept = keep(); !kept.ok()) return refusal(kept.error());
    return http::Response::json(200, to_json(response_object(record_)));
  }

  http::Response refusal(const Error& error) override { return openai::error_response(error, request_id_); }

 private:
  Status keep() {
    if (!keep_) return Ok{};
    Status kept = keep_(record_);
    if (kept.ok()) return kept;
    log::error("response.keep_failed",
               {{"request_id", request_id_}, {"why", kept.error().message()}, {"detail", kept.error().detail().text}});
    return Error(Code::kInternal, "This response could not be stored, so it is withheld: " + kept.error().message());
  }

  const std::function<Status(const Record&)> keep_;
  const std::function<bool()> is_gone_;
  const std::string request_id_;
  Record record_;
  EventWriter events_;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(WriterOptions options) {
  return std::make_unique<Writer>(std::move(options));
}

}  // namespace studio::api::responses
