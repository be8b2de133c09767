#include "api/serving/answer.h"

#include <algorithm>
#include <mutex>

#include "api/kept/kept_answers.h"
#include "api/serving/answer_inputs.h"
#include "api/serving/choice_turns.h"
#include "api/serving/degraded.h"
#include "base/log.h"

namespace studio::api {
namespace {

using inference::ChoiceDelta;
using inference::Finish;
using inference::GenerationEnd;
using std::chrono::steady_clock;

// What may wait here for a slow reader of a stream, behind the connection's own buffers: hours of an ordinary
// answer, or 12,000 tokens with every logprob. The engine is not held up; who falls so far behind is cut.
constexpr size_t kMaxHeldBytes = 32 << 20;
// A whole answer, which is held until its end: text of a million tokens, or of 32,000 with every logprob.
constexpr size_t kMaxWholeBytes = 64 << 20;
constexpr size_t kLogprobBytes = 128;  // of one token and its logprob, held and as JSON

size_t bytes_of(const ChoiceDelta& delta) {
  size_t bytes = delta.reasoning.size() + delta.text.size();
  for (const auto& call : delta.tool_calls) bytes += call.id.size() + call.name.size() + call.arguments.size();
  for (const auto& logprob : delta.logprobs) bytes += kLogprobBytes * (1 + logprob.top.size());
  return bytes;
}

// What comes behind what was collected: pieces of one call become one.
void merge(const ChoiceDelta& delta, ChoiceDelta& into) {
  into.reasoning += delta.reasoning;
  into.text += delta.text;
  into.logprobs.insert(into.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
  for (const inference::ToolCallDelta& call : delta.tool_calls) {
    if (into.tool_calls.empty() || into.tool_calls.back().index != call.index) {
      into.tool_calls.push_back(call);
      continue;
    }
    into.tool_calls.back().arguments += call.arguments;
    into.tool_calls.back().is_last = into.tool_calls.back().is_last || call.is_last;
  }
}

// Of several choices, how the worst ended.
const char* outcome_of(const GenerationEnd& end) {
  Finish worst = Finish::kStop;
  for (Finish finish : end.finish) worst = std::max(worst, finish);
  switch (worst) {
    case Finish::kStop:
      return "stop";
    case Finish::kToolCalls:
      return "tool_calls";
    case Finish::kLength:
      return "length";
    case Finish::kCancelled:
      return "cancelled";
    case Finish::kError:
      break;
  }
  return "error";
}

class Answer : public std::enable_shared_from_this<Answer> {
 public:
  Answer(std::shared_ptr<http::Exchange> exchange, const Services& services, ServedModelPtr model, size_t choices,
         AnswerOptions options, OpenAnswers::Lease lease, KeptAnswers::Run run)
      : run_(run),
        lease_(std::move(lease)),
        exchange_(std::move(exchange)),
        services_(services),
        model_(std::move(model)),
        options_(std::move(options)),
        collected_(choices),
        turns_(choices),
        last_tokens_(choices) {}

  void start(inference::GenerationRequest request) {
    auto self = shared_from_this();
    inference::GenerationSink sink{.on_accepted = [self] { self->on_accepted(); },
                                   .on_token = [self](int choice) { self->on_token(static_cast<size_t>(choice)); },
                                   .on_delta = [self](const ChoiceDelta& delta) { self->on_delta(delta); },
                                   .on_turn = [self](int choice, bool is_last) { self->on_turn(choice, is_last); },
                                   .on_end = [self](const GenerationEnd& end) { self->on_end(end); }};
    auto generation = model_->text->start(std::move(request), std::move(sink));
    if (!generation.ok()) {
      services_.metrics->note_refusal(generation.error());
      lease_.reset();
      if (is_kept()) services_.kept->end(request_id(), KeptAnswers::End::kFailed);
      return exchange_->respond(options_.writer->refusal(generation.error()));
    }
    std::shared_ptr<inference::Generation> running = std::move(*generation);
    {
      std::scoped_lock lock(mutex_);
      if (!is_over_) generation_ = running;
    }
    // The client may have left already: then this runs at once.
    exchange_->on_gone([running_weak = std::weak_ptr(running)] {
      if (auto generation = running_weak.lock()) generation->cancel();
    });
    if (options_.is_stream) {
      exchange_->on_drain([self_weak = weak_from_this()] {
        if (auto self = self_weak.lock()) self->write_held();
      });
    }
  }

 private:
  bool is_kept() const { return run_ != KeptAnswers::Run::kUnkept; }
  // One event for each piece of each token, in an order that any run of it has.
  bool has_turns() const { return options_.is_stream && is_kept(); }
  const std::string& request_id() const { return exchange_->request().request_id; }

  // Until here a failure is an answer with a status of its own; from here on a stream has begun, so that a client in
  // the queue or before a long prompt's end hears from us.
  void on_accepted() {
    if (!options_.is_stream) return;
    std::scoped_lock lock(mutex_);
    begin_stream();
    write_pieces();
  }

  void on_delta(const ChoiceDelta& delta) {
    std::scoped_lock lock(mutex_);
    held_bytes_ += bytes_of(delta);
    if (held_bytes_ > (options_.is_stream ? kMaxHeldBytes : kMaxWholeBytes)) return outgrow();
    if (has_turns()) return turns_.add_piece(delta);
    merge(delta, collected_[static_cast<size_t>(delta.choice)]);
    if (has_begun_ && !exchange_->congested()) write_pieces();
  }

  void on_turn(int choice, bool is_last) {
    if (!has_turns()) return;
    std::scoped_lock lock(mutex_);
    turns_.end_turn(choice, is_last);
    if (has_begun_) write_turns();
  }

  void write_turns() {
    while (auto turn = turns_.next()) {
      held_bytes_ -= bytes_of(turn->delta);
      for (int i = 0; i < turn->tokens; ++i) options_.writer->note_token(turn->delta.choice);
      if (!turn->delta.is_empty()) write(options_.writer->pieces(turn->delta));
    }
  }

  // With mutex_ held, once: what was asked for ends, and what still comes of it is dropped.
  void outgrow() {
    if (has_outgrown_) return;
    has_outgrown_ = true;
    collected_.assign(collected_.size(), {});
    if (!generation_) return;
    // Not from here: the generation is in the middle of telling us.
    services_.post([generation = generation_] { generation->cancel(); });
  }

  void on_token(size_t choice) {
    const auto now = steady_clock::now();
    std::scoped_lock lock(mutex_);
    if (last_tokens_[choice]) {
      std::chrono::duration<double> gap = now - *last_tokens_[choice];
      services_.metrics->inter_token_latency.observe({model_->name}, gap.count());
    }
    last_tokens_[choice] = now;
    if (has_turns()) {
      turns_.add_token(static_cast<int>(choice));
    } else {
      options_.writer->note_token(static_cast<int>(choice));
    }
    if (!first_token_) first_token_ = now;
  }

  // With mutex_ held, as all that writes to the exchange while the generation runs; once it is over by settle() alone.
  void begin_stream() {
    if (has_begun_) return;
    has_begun_ = true;
    http::Response head = options_.writer->stream_head();
    add_names("X-Studio-Ignored", options_.ignored, head);
    add_names("X-Studio-Degraded", options_.degraded, head);
    exchange_->begin(std::move(head), is_kept() ? options_.writer->event_heartbeat() : options_.writer->heartbeat());
    write(options_.writer->opening());
  }

  void write(std::string bytes) {
    if (bytes.empty()) return;
    if (!has_written_ && !options_.writer->names_degraded()) mark_first_event(options_.degraded, bytes);
    has_written_ = true;
    exchange_->write(bytes);
  }

  // What was collected of a stream goes out in one piece per choice.
  void write_pieces() {
    if (has_turns()) return write_turns();
    if (!has_outgrown_) held_bytes_ = 0;
    for (size_t i = 0; i < collected_.size(); ++i) {
      ChoiceDelta& held = collected_[i];
      if (held.is_empty()) continue;
      ChoiceDelta delta = std::exchange(held, {});
      delta.choice = static_cast<int>(i);
      write(options_.writer->pieces(delta));
    }
  }

  void write_held() {
    std::scoped_lock lock(mutex_);
    if (has_begun_ && !is_over_) write_pieces();
  }

  void on_end(const GenerationEnd& end) {
    // The commit blocks; the thread that brought this has other streams to serve.
    services_.post([self = shared_from_this(), end] { self->settle(end); });
  }

  void settle(GenerationEnd end) {
    // Who was turned away, or failed with nothing said, has had nothing of it.
    if (end.error && end.usage.completion_tokens == 0) end.usage = {};
    if (is_kept() && !services_.kept->end(request_id(), kept_end(end))) return leave_for_later();
    if (run_ == KeptAnswers::Run::kAgain) tell_what_counts(end);
    Status recorded = services_.usage->record(usage_record(end));
    if (!recorded.ok()) {
      log::error("usage.record_failed", {{"request_id", request_id()},
                                         {"why", recorded.error().message()},
                                         {"detail", recorded.error().detail().text}});
      if (is_kept()) services_.kept->end(request_id(), KeptAnswers::End::kFailed);
    }
    lease_.reset();
    count(end);
    std::shared_ptr<inference::Generation> generation;
    {
      std::scoped_lock lock(mutex_);
      is_over_ = true;
      generation = std::move(generation_);
    }
    // Without the mutex: a writer may store the answer here, and an I/O thread that comes with a drain must not wait
    // for the disk. The generation has ended and a drain finds the answer over, so what follows is this thread's alone.
    finish(end, recorded);
  }

  KeptAnswers::End kept_end(const GenerationEnd& end) {
    std::scoped_lock lock(mutex_);
    if (end.error || has_outgrown_) return KeptAnswers::End::kFailed;
    const bool is_cut = std::count(end.finish.begin(), end.finish.end(), Finish::kCancelled) > 0;
    return is_cut ? KeptAnswers::End::kCancelled : KeptAnswers::End::kWhole;
  }

  // The server stops. The next one makes this answer again, and its usage is recorded then.
  void leave_for_later() {
    lease_.reset();
    std::shared_ptr<inference::Generation> generation;
    std::scoped_lock lock(mutex_);
    is_over_ = true;
    generation = std::move(generation_);
    exchange_->abort();
  }

  // An earlier run may have come to its end. Its record counts; how much was computed before is another run's own.
  void tell_what_counts(GenerationEnd& end) {
    const auto recorded = services_.usage->find(request_id());
    if (!recorded.ok() || !*recorded) return;
    end.usage.cached_tokens = (*recorded)->cached_tokens;
    end.usage.newly_held_tokens = (*recorded)->newly_held_tokens;
  }

  void finish(const GenerationEnd& end, const Status& recorded) {
    std::optional<Error> error = end.error;
    if (!error && !recorded.ok()) {
      error = Error(Code::kInternal, "The usage of this request could not be stored, so its answer is withheld.");
    }
    bool is_cut = std::count(end.finish.begin(), end.finish.end(), Finish::kCancelled) > 0;
    if (has_outgrown_ && options_.is_stream) return exchange_->abort();  // it would not read of it either
    if (has_outgrown_) {
      error = Error(Code::kInvalidArgument, "stream must be true for this answer: it has grown over " +
                                                std::to_string(kMaxWholeBytes >> 20) +
                                                " MiB. Or ask for fewer choices, logprobs or tokens.")
                  .with_param("stream");
    }
    if (!error && is_cut) error = Error(Code::kUnavailable, "The server is stopping; send the request again.");
    if (!options_.is_stream) {
      http::Response response =
          error ? options_.writer->refusal(*error) : options_.writer->whole(whole_choices(), timed(end));
      add_names("X-Studio-Ignored", options_.ignored, response);
      if (!error) add_degraded(response);
      return exchange_->respond(std::move(response));
    }
    if (error && !has_begun_) return exchange_->respond(options_.writer->refusal(*error));
    begin_stream();
    write_pieces();
    write(error ? options_.writer->failure(*error) : options_.writer->ending(timed(end)));
    exchange_->finish();
  }

  void add_degraded(http::Response& response) const {
    if (options_.writer->names_degraded()) return add_names("X-Studio-Degraded", options_.degraded, response);
    mark_degraded(options_.degraded, response);
  }

  std::vector<ChoiceAnswer> whole_choices() {
    std::vector<ChoiceAnswer> choices;
    for (ChoiceDelta& delta : collected_) {
      ChoiceAnswer& choice = choices.emplace_back();
      choice.reasoning = std::move(delta.reasoning);
      choice.text = std::move(delta.text);
      choice.logprobs = std::move(delta.logprobs);
      for (auto& call : delta.tool_calls) {
        choice.tool_calls.push_back({std::move(call.id), std::move(call.name), std::move(call.arguments)});
      }
    }
    return choices;
  }

  AnswerEnd timed(const GenerationEnd& end) const {
    const auto now = steady_clock::now();
    return {.generation = end,
            .until_first_token = first_token_.value_or(now) - exchange_->received_at(),
            .total = now - exchange_->received_at()};
  }

  inference::UsageRecord usage_record(const GenerationEnd& end) {
    auto ms = [](steady_clock::duration time) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    };
    auto since = steady_clock::now() - exchange_->received_at();
    inference::UsageRecord record;
    record.request_id = request_id();
    record.key_id = exchange_->request().principal;
    record.model = model_->name;
    record.operation = options_.operation;
    record.prompt_tokens = end.usage.prompt_tokens;
    record.cached_tokens = end.usage.cached_tokens;
    record.newly_held_tokens = end.usage.newly_held_tokens;
    record.completion_tokens = end.usage.completion_tokens;
    record.reasoning_tokens = end.usage.reasoning_tokens;
    record.outcome = outcome_of(end);
    record.started_at =
        std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(since);
    std::scoped_lock lock(mutex_);
    if (first_token_) record.first_token_ms = ms(*first_token_ - exchange_->received_at());
    record.total_ms = ms(since);
    return record;
  }

  void count(const GenerationEnd& end) {
    GatewayMetrics& metrics = *services_.metrics;
    metrics.prompt_tokens.add({model_->name}, static_cast<double>(end.usage.prompt_tokens));
    metrics.generated_tokens.add({model_->name}, static_cast<double>(end.usage.completion_tokens));
    metrics.generations.add({model_->name, exchange_->request().route, outcome_of(end)});
    if (end.error) metrics.note_refusal(*end.error);
    using Seconds = std::chrono::duration<double>;
    metrics.end_to_end.observe({model_->name}, Seconds(steady_clock::now() - exchange_->received_at()).count());
    std::scoped_lock lock(mutex_);
    if (!first_token_) return;
    metrics.time_to_first_token.observe({model_->name}, Seconds(*first_token_ - exchange_->received_at()).count());
    auto per_choice = end.usage.completion_tokens / static_cast<int64_t>(end.finish.size());
    if (per_choice < 2) return;
    Seconds decode = steady_clock::now() - *first_token_;
    metrics.time_per_output_token.observe({model_->name}, decode.count() / static_cast<double>(per_choice - 1));
  }

  const KeptAnswers::Run run_;
  std::optional<OpenAnswers::Lease> lease_;  // until the end is told: the client's next request must not meet this one
  const std::shared_ptr<http::Exchange> exchange_;
  const Services services_;
  const ServedModelPtr model_;
  const AnswerOptions options_;

  // Of everything below until the answer is over; never held while a Generation goes, nor while the disk is waited for:
  // I/O threads take it.
  std::mutex mutex_;
  std::vector<ChoiceDelta> collected_;  // all of it, or what a stream has not sent yet
  ChoiceTurns turns_;                   // the same of a kept stream
  bool has_begun_ = false, has_written_ = false, is_over_ = false, has_outgrown_ = false;
  size_t held_bytes_ = 0;  // of collected_ or turns_, about
  std::optional<steady_clock::time_point> first_token_;
  std::vector<std::optional<steady_clock::time_point>> last_tokens_;  // of each choice
  std::shared_ptr<inference::Generation> generation_;                 // until it is over
};

// Before anything of the answer is begun: what a crash leaves of it must be enough to make it again.
Result<KeptAnswers::Run> admit(const Services& services, const ServedModel& model,
                               const inference::GenerationRequest& request, const AnswerOptions& options) {
  if (!services.kept) return KeptAnswers::Run::kUnkept;
  return services.kept->admit(request.request_id, [&] { return digest_of_inputs(model, request, options.operation); });
}

}  // namespace

void answer(std::shared_ptr<http::Exchange> exchange, const Services& services, ServedModelPtr model,
            inference::GenerationRequest request, AnswerOptions options) {
  auto lease = services.open_answers->open(exchange->request().principal);
  if (!lease.ok()) {
    services.metrics->note_refusal(lease.error());
    return exchange->respond(options.writer->refusal(lease.error()));
  }
  auto run = admit(services, *model, request, options);
  if (!run.ok()) {
    services.metrics->note_refusal(run.error());
    {
      const OpenAnswers::Lease given_back = std::move(*lease);
    }
    return exchange->respond(options.writer->refusal(run.error()));
  }
  size_t choices = request.prompts.size() * static_cast<size_t>(request.n);
  std::make_shared<Answer>(std::move(exchange), services, std::move(model), choices, std::move(options),
                           std::move(*lease), *run)
      ->start(std::move(request));
}

}  // namespace studio::api
