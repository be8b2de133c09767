#include "api/kept/kept_answer.h"

#include <algorithm>

namespace studio::api {
namespace {

constexpr size_t kEventBytes = 64;     // of an event beside its text: the string's own and the allocator's
constexpr size_t kAnswerBytes = 2048;  // of an answer without events: itself, its record, its places in the indexes

}  // namespace

// The maker's side. What it promises of a client is the answer's to keep, not any connection's.
class KeptAnswer::MakersExchange final : public http::Exchange {
 public:
  MakersExchange(std::shared_ptr<KeptAnswer> answer, http::Request request)
      : answer_(std::move(answer)), request_(std::move(request)) {}
  ~MakersExchange() override { answer_->let_go(); }

  const http::Request& request() const override { return request_; }
  Clock::time_point received_at() const override { return received_at_; }
  void respond(http::Response response) override { answer_->respond(std::move(response)); }
  void begin(http::Response head, std::string heartbeat) override {
    answer_->begin(std::move(head), std::move(heartbeat));
  }
  void write(std::string_view bytes) override { answer_->write(bytes); }
  void finish() override { answer_->finish(false); }
  void abort() override { answer_->finish(true); }
  bool congested() const override { return false; }
  void on_drain(std::function<void()>) override {}
  bool gone() const override { return answer_->is_cancelled(); }
  void on_gone(std::function<void()> callback) override { answer_->on_cancel(std::move(callback)); }

 private:
  const std::shared_ptr<KeptAnswer> answer_;
  const http::Request request_;
  const Clock::time_point received_at_ = Clock::now();
};

KeptAnswer::KeptAnswer(Options options)
    : options_(std::move(options)), cutter_(options_.numbers == EventNumbers::kLines ? "\n" : "\n\n") {
  options_.bytes->held += kAnswerBytes;
}

KeptAnswer::~KeptAnswer() {
  options_.bytes->held -= bytes_ + kAnswerBytes;
}

KeptAnswer::ExchangePtr KeptAnswer::made_through(http::Request request) {
  return std::make_shared<MakersExchange>(shared_from_this(), std::move(request));
}

// ---- reading

bool KeptAnswer::attach(Reader reader) {
  const ExchangePtr exchange = reader.exchange;
  if (lacks(reader.after)) return false;
  // Before anything is sent: a drain that came between would be missed.
  exchange->on_drain([weak = weak_from_this(), raw = exchange.get()] {
    if (auto self = weak.lock()) self->drained(raw);
  });
  exchange->on_gone([weak = weak_from_this(), raw = exchange.get()] {
    if (auto self = weak.lock()) self->left(raw);
  });
  {
    std::scoped_lock lock(mutex_);
    readings_.push_back({.reader = std::move(reader)});
    deliver(readings_.back());
    leave_ended();
  }
  if (exchange->gone()) left(exchange.get());  // it had left before there was anything to leave
  return true;
}

void KeptAnswer::deliver(Reading& reading) {
  Reader& reader = reading.reader;
  if (whole_) {
    reader.exchange->respond(with_fields(*whole_, reader));
    return end_reading(reading);
  }
  if (!head_) return;
  if (!reading.has_begun) begin_reading(reading);
  if (reader.after < dropped_) {  // too slow: what it lacks is gone
    reader.exchange->abort();
    return end_reading(reading);
  }
  const uint64_t last = dropped_ + events_.size();
  std::string bytes;
  while (reader.after < last && !reader.exchange->congested()) {
    bytes = worded(static_cast<size_t>(reader.after - dropped_), reading);
    reader.exchange->write(bytes);
    ++reader.after;
  }
  if (!is_over_ || reader.after < last) return;
  if (is_cut_) {
    reader.exchange->abort();
  } else {
    reader.exchange->finish();
  }
  end_reading(reading);
}

void KeptAnswer::begin_reading(Reading& reading) {
  reading.has_begun = true;
  reading.reader.exchange->begin(with_fields(*head_, reading.reader), heartbeat_);
}

void KeptAnswer::end_reading(Reading& reading) {
  reading.reader.exchange.reset();
}

void KeptAnswer::leave_ended() {
  const size_t ended = std::erase_if(readings_, [](const Reading& reading) { return !reading.reader.exchange; });
  if (ended > 0 && readings_.empty()) idle_since_ = Clock::now();
}

void KeptAnswer::deliver_to_all() {
  for (Reading& reading : readings_) deliver(reading);
  leave_ended();
}

std::string KeptAnswer::worded(size_t index, const Reading& reading) const {
  if (options_.numbers != EventNumbers::kIdLines || !reading.reader.has_id_lines) return events_[index];
  return "id: " + options_.answer_id + ":" + std::to_string(dropped_ + index + 1) + "\n" + events_[index];
}

http::Response KeptAnswer::with_fields(http::Response response, const Reader& reader) const {
  response.fields.add(kAnswerIdField, options_.answer_id);
  if (response.status == 409) response.fields.add(kShouldRetryField, "false");
  if (reader.is_replay) response.fields.add(kReplayedField, "true");
  return response;
}

void KeptAnswer::drained(const http::Exchange* exchange) {
  std::scoped_lock lock(mutex_);
  for (Reading& reading : readings_) {
    if (reading.reader.exchange.get() == exchange) deliver(reading);
  }
  leave_ended();
}

void KeptAnswer::left(const http::Exchange* exchange) {
  std::scoped_lock lock(mutex_);
  for (Reading& reading : readings_) {
    if (reading.reader.exchange.get() == exchange) end_reading(reading);
  }
  leave_ended();
}

// ---- making

void KeptAnswer::begin(http::Response head, std::string heartbeat) {
  std::scoped_lock lock(mutex_);
  if (head_ || whole_) return;
  head_ = std::move(head);
  heartbeat_ = std::move(heartbeat);
  deliver_to_all();
}

void KeptAnswer::write(std::string_view bytes) {
  std::scoped_lock lock(mutex_);
  if (is_over_) return;
  for (std::string& event : cutter_.feed(bytes)) add_event(std::move(event));
  deliver_to_all();
  drop_oldest();
}

void KeptAnswer::add_event(std::string event) {
  bytes_ += event.size() + kEventBytes;
  options_.bytes->held += event.size() + kEventBytes;
  events_.push_back(std::move(event));
}

// Behind a delivery: a reader that keeps up has had them.
void KeptAnswer::drop_oldest() {
  const KeptBytes& bytes = *options_.bytes;
  while (!events_.empty() && (bytes_ > bytes.most_of_answer || bytes.held > bytes.most)) {
    bytes_ -= events_.front().size() + kEventBytes;
    options_.bytes->held -= events_.front().size() + kEventBytes;
    events_.pop_front();
    ++dropped_;
  }
}

void KeptAnswer::finish(bool is_cut) {
  std::function<void()> dropped;  // destroyed outside the lock: it may hold the maker
  std::scoped_lock lock(mutex_);
  if (is_over_) return;
  if (!cutter_.rest().empty() && !is_cut) add_event(cutter_.rest());
  is_over_ = true;
  is_cut_ = is_cut;
  dropped.swap(on_cancel_);
  idle_since_ = Clock::now();
  deliver_to_all();
}

void KeptAnswer::respond(http::Response response) {
  if (response.status >= 400) options_.on_refused();
  std::function<void()> dropped;
  std::scoped_lock lock(mutex_);
  if (head_ || whole_) return;
  bytes_ += response.body.size();
  options_.bytes->held += response.body.size();
  whole_ = std::move(response);
  is_over_ = true;
  dropped.swap(on_cancel_);
  idle_since_ = Clock::now();
  deliver_to_all();
}

void KeptAnswer::let_go() {
  bool is_answered = false;
  {
    std::scoped_lock lock(mutex_);
    if (is_over_) return;
    is_answered = head_.has_value();
  }
  if (is_answered) return finish(true);
  const Error error(Code::kInternal, "The server failed to answer this request.");
  respond(options_.render_error(error, options_.answer_id));
}

void KeptAnswer::on_cancel(std::function<void()> callback) {
  {
    std::scoped_lock lock(mutex_);
    if (is_over_) return;
    if (!is_cancelled_) {
      on_cancel_ = std::move(callback);
      return;
    }
  }
  callback();
}

void KeptAnswer::cancel() {
  std::function<void()> callback;
  {
    std::scoped_lock lock(mutex_);
    if (is_over_ || is_cancelled_) return;
    is_cancelled_ = true;
    callback = std::move(on_cancel_);
    on_cancel_ = nullptr;
  }
  if (callback) callback();
}

bool KeptAnswer::is_cancelled() const {
  std::scoped_lock lock(mutex_);
  return is_cancelled_;
}

bool KeptAnswer::is_over() const {
  std::scoped_lock lock(mutex_);
  return is_over_;
}

bool KeptAnswer::is_cut() const {
  std::scoped_lock lock(mutex_);
  return is_over_ && is_cut_;
}

bool KeptAnswer::lacks(uint64_t after) const {
  std::scoped_lock lock(mutex_);
  return after < dropped_;
}

KeptAnswer::Clock::time_point KeptAnswer::idle_since() const {
  std::scoped_lock lock(mutex_);
  return idle_since_;
}

bool KeptAnswer::is_read() const {
  std::scoped_lock lock(mutex_);
  return !readings_.empty();
}

}  // namespace studio::api
