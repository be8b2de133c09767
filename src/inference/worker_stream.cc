#include "inference/worker_stream.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "inference/token_protocol.h"

namespace studio::inference {

using engine::FinishReason;
using engine::TokenEvent;

namespace {

// Rounding may lift the logarithm of a probability of one this far above zero.
constexpr float kLogprobSlack = 1e-3f;
constexpr size_t kMaxRefusalBytes = 64 * 1024;

bool is_valid_logprob(float value) {
  return std::isfinite(value) && value <= kLogprobSlack;
}

}  // namespace

WorkerStream::WorkerStream(std::weak_ptr<StreamKeeper> keeper, TokenRequest request, engine::TokenSink sink,
                           StreamLog::Entry entry)
    : keeper_(std::move(keeper)),
      request_(std::move(request)),
      first_index_(static_cast<int>(request_.sequence.resume.size())),
      sink_(std::move(sink)),
      entry_(std::move(entry)) {
  for (engine::TokenId id : request_.sequence.resume) check_ = engine::next_check(check_, id);
}

void WorkerStream::connect(http::Client& client, const engine::EngineInfo& info, int pass_at) {
  TokenRequest request = request_;
  std::vector<engine::TokenId> produced = entry_->ids();
  request.sequence.resume.insert(request.sequence.resume.end(), produced.begin(), produced.end());
  if (!produced.empty()) request.sequence.scores_prompt = false;  // it was told before the first token
  http::ClientRequest call;
  call.method = http::Method::kPost;
  call.target = "/v1/completions";
  call.fields.add("Content-Type", "application/json");
  call.body = encode_request(request);
  http::ClientEvents events;
  auto self = shared_from_this();
  events.on_connect = [self] { self->loss_.was_reached = true; };
  events.on_head = [self](const http::ResponseHead& head) { self->status_ = head.status; };
  events.on_data = [self](std::string_view data) { self->on_data(data); };
  events.on_end = [self](const Status& status) { self->on_end(status); };
  vocab_size_ = info.vocab_size;
  pass_at_ = pass_at;
  status_ = 0;
  reader_ = http::SseReader();
  refusal_.clear();
  loss_ = {};
  is_broken_ = false;
  is_taken_ = is_cut_ = false;
  tokens_here_ = 0;
  std::scoped_lock lock(mutex_);
  call_ = client.start(std::move(call), std::move(events));
  if (is_cancelled_) call_->cancel();
}

void WorkerStream::cancel() {
  std::scoped_lock lock(mutex_);
  is_cancelled_ = true;
  if (call_) call_->cancel();
}

void WorkerStream::cut() {
  is_cut_ = true;
  close_connection();
}

void WorkerStream::close_connection() {
  std::scoped_lock lock(mutex_);
  if (call_) call_->cancel();
}

void WorkerStream::give_up_connection(const std::string& why) {
  if (is_broken_ || is_finished_) return;
  is_broken_ = true;
  loss_.fault = why;
  log::error("worker.protocol_broken", {{"request_id", request_id()}, {"why", why}});
  close_connection();
}

std::string WorkerStream::model() const {
  std::scoped_lock lock(mutex_);
  return model_;
}

const Fingerprint& WorkerStream::fingerprint() {
  if (!notes.print) notes.print = fingerprint_of(request_);
  return *notes.print;
}

engine::Usage WorkerStream::usage(const TokenEvent& event) const {
  engine::Usage used = event.usage;
  if (used.prompt_tokens == 0) used = first_usage_;
  used.prompt_tokens = static_cast<int>(request_.sequence.prompt.size());
  used.generated_tokens = produced();
  return used;
}

// Ends the stream unless it has ended.
void WorkerStream::finish(TokenEvent event) {
  if (is_finished_) return;
  is_finished_ = true;
  event.usage = usage(event);
  bool is_whole = event.finish == FinishReason::kStop || event.finish == FinishReason::kLength;
  if (auto keeper = keeper_.lock()) keeper->on_over(*this, is_whole);
  entry_.reset();  // the log may go before the last handle of the stream does
  engine::TokenSink sink = std::move(sink_);
  sink_ = nullptr;
  sink(event);
}

void WorkerStream::finish_cancelled() {
  TokenEvent event;
  event.finish = FinishReason::kCancelled;
  finish(std::move(event));
}

void WorkerStream::finish_with(Error error) {
  TokenEvent event;
  event.finish = FinishReason::kError;
  event.error = std::move(error);
  finish(std::move(event));
}

void WorkerStream::on_data(std::string_view data) {
  if (is_finished_ || is_broken_ || is_cut_) return;
  if (status_ != 200) {
    if (refusal_.size() + data.size() < kMaxRefusalBytes) refusal_ += data;
    return;
  }
  std::vector<http::SseReader::Event> events;
  if (!reader_.feed(data, events).ok()) return give_up_connection("an event is too large");
  for (const auto& event : events) {
    if (is_finished_ || is_broken_ || event.data == "[DONE]") return;
    auto frame = decode_frame(event.data);
    if (!frame.ok()) return give_up_connection(frame.error().detail().text);
    if (frame->accepted) on_accepted(frame->accepted->numerics_class + "/" + frame->accepted->model_digest);
    for (TokenEvent& token : frame->events) {
      if (!on_token(std::move(token))) return;
    }
  }
}

void WorkerStream::on_accepted(const std::string& model) {
  is_taken_ = true;
  bool is_first = false, is_same = false;
  {
    std::scoped_lock lock(mutex_);
    is_first = model_.empty();
    if (is_first) model_ = model;
    is_same = model_ == model;
  }
  if (is_first) {
    TokenEvent event;  // no token and no end: the worker has taken the request
    event.usage.prompt_tokens = static_cast<int>(request_.sequence.prompt.size());
    sink_(event);
  } else if (!is_same) {
    finish_with(Error(Code::kUnavailable, "The model changed while it answered this request; send it again."));
    close_connection();
  }
}

bool WorkerStream::is_sound(const TokenEvent& event) const {
  if (event.index != produced() || event.index >= request_.sequence.max_new_tokens) return false;
  if (event.check != 0 && event.check != engine::next_check(check_, event.id)) return false;
  if (event.id >= vocab_size_ || !is_valid_logprob(event.logprob)) return false;
  for (const auto& top : event.top_logprobs) {
    if (top.id >= vocab_size_ || !is_valid_logprob(top.logprob)) return false;
  }
  return true;
}

// A worker that takes it up anew tells from the first one on: what was heard already is left out.
void WorkerStream::on_scores(TokenEvent event) {
  const auto known = [&](const auto& entry) { return is_valid_logprob(entry.logprob); };
  const bool are_sound = std::ranges::all_of(event.scores, [&](const engine::TokenScore& score) {
    return known(score) && std::ranges::all_of(score.top_logprobs, [&](const engine::TopLogprob& top) {
             return known(top) && top.id < vocab_size_;
           });
  });
  const auto end = static_cast<size_t>(event.first_score) + event.scores.size();
  if (!are_sound || !request_.sequence.scores_prompt || produced() > 0 || event.first_score > scored_ ||
      end > request_.sequence.prompt.size()) {
    return give_up_connection("logprobs of the prompt from " + std::to_string(event.first_score) +
                              " on, expected sound ones from " + std::to_string(scored_));
  }
  const auto heard = std::min(event.scores.size(), static_cast<size_t>(scored_ - event.first_score));
  event.scores.erase(event.scores.begin(), event.scores.begin() + static_cast<std::ptrdiff_t>(heard));
  event.first_score = scored_;
  if (event.scores.empty()) return;
  scored_ += static_cast<int>(event.scores.size());
  event.usage = usage(event);
  sink_(event);
}

bool WorkerStream::on_token(TokenEvent event) {
  if (event.finish == FinishReason::kError) {
    finish(std::move(event));
    return false;
  }
  if (event.finish == FinishReason::kCancelled && !is_cancelled_) {  // a worker told to stop lets go of its streams
    is_broken_ = true;
    close_connection();
    return false;
  }
  if (!event.scores.empty()) {
    on_scores(std::move(event));
    return !is_broken_;
  }
  if (event.id >= 0) {
    if (!is_sound(event)) {
      // Which id it was is the model's output, and not for the log.
      give_up_connection("a token at " + std::to_string(event.index) + ", expected a sound one at " +
                         std::to_string(produced()));
      return false;
    }
    entry_->append(event.id);
    check_ = engine::next_check(check_, event.id);
    ++produced_;
    if (first_usage_.prompt_tokens == 0) first_usage_ = event.usage;
    auto keeper = keeper_.lock();
    if (++tokens_here_ == 1 && keeper) keeper->on_first_token(*this);
    if (produced() == pass_at_ && keeper) keeper->on_passed(*this);
  }
  if (event.finish != FinishReason::kNone) {
    finish(std::move(event));
    return false;
  }
  event.usage = usage(event);
  sink_(event);
  return true;
}

void WorkerStream::on_end(const Status& status) {
  {
    std::scoped_lock lock(mutex_);
    call_.reset();
  }
  if (is_finished_) return;
  if (is_cancelled_) return finish_cancelled();
  const bool is_refusal = status_ != 0 && status_ != 200 && status.ok() && !is_cut_;
  if (is_refusal) {
    Error error = decode_error(status_, refusal_);
    // A stream that has begun is not turned away from a full queue: it waits.
    if (error.code() != Code::kOverloaded || model().empty()) return finish_with(std::move(error));
    loss_ = {.was_reached = false, .is_queue_full = true, .fault = {}};
  }
  log::warn("worker.lost", {{"request_id", request_id()},
                            {"produced", produced()},
                            {"why", !loss_.fault.empty() ? loss_.fault
                                    : status.ok()        ? std::string("ended early")
                                                         : status.error().message()}});
  auto keeper = keeper_.lock();
  if (!keeper) return finish_cancelled();
  keeper->on_lost(shared_from_this(), loss_);
}

}  // namespace studio::inference
