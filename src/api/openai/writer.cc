#include "api/openai/writer.h"

#include "api/openai/errors.h"
#include "api/openai/stream.h"
#include "http/sse.h"

namespace studio::api::openai {
namespace {

class Writer final : public AnswerWriter {
 public:
  Writer(AnswerHead head, size_t choices, bool may_reason, std::string request_id)
      : head_(head),
        choices_(choices),
        request_id_(std::move(request_id)),
        chunks_(std::move(head), choices, may_reason) {}

  http::Response stream_head() const override { return http::sse_head(); }
  std::string heartbeat() const override { return std::string(http::kSseHeartbeat); }

  std::string event_heartbeat() const override { return http::sse_event(chunks_.silence()); }

  std::string opening() override {
    std::string events;
    for (size_t i = 0; i < choices_; ++i) {
      std::string chunk = chunks_.opening(static_cast<int>(i));
      if (!chunk.empty()) events += http::sse_event(chunk);
    }
    return events;
  }

  std::string pieces(const inference::ChoiceDelta& delta) override {
    std::string events;
    for (const std::string& chunk : chunks_.pieces(delta)) events += http::sse_event(chunk);
    return events;
  }

  std::string ending(const AnswerEnd& answer_end) override {
    const inference::GenerationEnd& end = answer_end.generation;
    std::string events;
    for (size_t i = 0; i < end.finish.size(); ++i) {
      events += http::sse_event(chunks_.finish(static_cast<int>(i), end.finish[i]));
    }
    if (head_.include_usage) events += http::sse_event(chunks_.usage(end.usage));
    return events + http::sse_event(kStreamEnd);
  }

  std::string failure(const Error& error) override { return http::sse_event(error_body(error, request_id_)); }

  http::Response whole(const std::vector<ChoiceAnswer>& choices, const AnswerEnd& end) override {
    return http::Response::json(200, render_answer(head_, choices, end.generation));
  }
  http::Response refusal(const Error& error) override { return error_response(error, request_id_); }

 private:
  const AnswerHead head_;
  const size_t choices_;
  const std::string request_id_;
  ChunkWriter chunks_;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_writer(AnswerHead head, size_t choices, bool may_reason, std::string request_id) {
  return std::make_unique<Writer>(std::move(head), choices, may_reason, std::move(request_id));
}

}  // namespace studio::api::openai
