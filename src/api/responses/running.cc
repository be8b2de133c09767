#include "api/responses/running.h"

#include <algorithm>

#include "base/log.h"

namespace studio::api::responses {
namespace {

constexpr size_t kLogprobBytes = 128;  // of one token and its log probability, held

size_t bytes_of(const inference::ChoiceDelta& delta) {
  size_t bytes = delta.reasoning.size() + delta.text.size();
  for (const auto& call : delta.tool_calls) bytes += call.id.size() + call.name.size() + call.arguments.size();
  for (const auto& logprob : delta.logprobs) bytes += kLogprobBytes * (1 + logprob.top.size());
  return bytes;
}

}  // namespace

Record Running::head() const {
  std::scoped_lock lock(mutex_);
  if (is_final(record_.state)) return record_;
  return {.id = record_.id,
          .created_at = record_.created_at,
          .model = record_.model,
          .echo = record_.echo,
          .is_background = record_.is_background,
          .has_logprobs = record_.has_logprobs,
          .state = has_started_ ? State::kInProgress : State::kQueued};
}

void Running::attach(std::shared_ptr<http::Exchange> exchange, http::Response head, int64_t starting_after,
                     std::string heartbeat) {
  exchange->begin(std::move(head), std::move(heartbeat));
  const http::Exchange* which = exchange.get();
  // Before anything is written: a drain that comes in between would be missed, and the reader stand still.
  exchange->on_drain([self_weak = weak_from_this(), which] {
    if (auto self = self_weak.lock()) self->drain(which);
  });
  {
    std::scoped_lock lock(mutex_);
    readers_.push_back({exchange, EventWriter(record_, starting_after)});
    if (advance(readers_.back())) readers_.pop_back();
  }
  // Not under the lock, and where it is found: of a client that has left already we are told at once.
  exchange->on_gone([self_weak = weak_from_this(), which] {
    if (auto self = self_weak.lock()) self->drop(which);
  });
}

void Running::when_ended(std::function<void(const Record&)> told) {
  std::unique_lock lock(mutex_);
  if (!is_final(record_.state)) return waiting_.push_back(std::move(told));
  const Record record = record_;
  lock.unlock();
  told(record);
}

void Running::start() {
  std::scoped_lock lock(mutex_);
  has_started_ = true;
  record_.state = State::kInProgress;
  advance_all();
}

Running::Room Running::add(const inference::ChoiceDelta& delta) {
  std::scoped_lock lock(mutex_);
  bytes_ += bytes_of(delta);
  if (bytes_ > kMaxBytes) return Room::kFull;
  add_delta(delta, record_);
  advance_all();
  return Room::kLeft;
}

void Running::end(const inference::GenerationEnd& end) {
  std::unique_lock lock(mutex_);
  Record ended = record_;
  lock.unlock();
  end_record(end, ended);
  finish(std::move(ended));
}

void Running::fail(const Error& error) {
  std::unique_lock lock(mutex_);
  Record ended = record_;
  Failure failure = failure_of(error);
  if (bytes_ > kMaxBytes) failure = {"server_error", "It has grown over " + std::to_string(kMaxBytes >> 20) + " MiB."};
  const State state = is_cancelled_ ? State::kCancelled : State::kFailed;
  lock.unlock();
  fail_record(std::move(failure), state, ended);
  finish(std::move(ended));
}

void Running::finish(Record ended) {
  {
    std::scoped_lock lock(mutex_);
    if (is_interrupted_ || is_final(record_.state)) return;
  }
  if (Status kept = keep_(ended); !kept.ok()) {
    log::error("response.keep_failed",
               {{"response_id", ended.id}, {"why", kept.error().message()}, {"detail", kept.error().detail().text}});
    fail_record({"server_error", "This response could not be stored, so it is withheld."}, State::kFailed, ended);
    (void)keep_(ended);  // that much may find room, where it was the conversation that had none
  }
  std::vector<std::function<void(const Record&)>> waiting;
  {
    std::scoped_lock lock(mutex_);
    record_ = ended;
    advance_all();
    waiting.swap(waiting_);
  }
  for (const auto& told : waiting) told(ended);
}

void Running::mark_cancelled() {
  std::scoped_lock lock(mutex_);
  is_cancelled_ = true;
}

bool Running::is_cancelled() const {
  std::scoped_lock lock(mutex_);
  return is_cancelled_;
}

void Running::interrupt() {
  std::list<Reader> cut;
  {
    std::scoped_lock lock(mutex_);
    is_interrupted_ = true;
    cut.swap(readers_);
  }
  for (const Reader& reader : cut) reader.exchange->abort();
}

bool Running::is_interrupted() const {
  std::scoped_lock lock(mutex_);
  return is_interrupted_;
}

bool Running::advance(Reader& reader) {
  if (!reader.has_created) reader.exchange->write(reader.events.created());
  reader.has_created = true;
  const bool has_ended = is_final(record_.state);
  if (!reader.has_started && (has_started_ || has_ended)) {
    reader.exchange->write(reader.events.started());
    reader.has_started = true;
  }
  while (reader.next_piece < record_.pieces.size() && !reader.exchange->congested()) {
    reader.exchange->write(reader.events.piece(record_.pieces[reader.next_piece++]));
  }
  if (!has_ended || reader.next_piece < record_.pieces.size()) return false;
  reader.exchange->write(reader.events.ended(record_));
  reader.exchange->finish();
  return true;
}

void Running::advance_all() {
  std::erase_if(readers_, [this](Reader& reader) { return advance(reader); });
}

void Running::drain(const http::Exchange* exchange) {
  std::scoped_lock lock(mutex_);
  std::erase_if(readers_, [&](Reader& reader) { return reader.exchange.get() == exchange && advance(reader); });
}

void Running::drop(const http::Exchange* exchange) {
  std::scoped_lock lock(mutex_);
  std::erase_if(readers_, [&](const Reader& reader) { return reader.exchange.get() == exchange; });
}

}  // namespace studio::api::responses
