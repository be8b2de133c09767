// The handler's side of a connection: see connection.h.
#include <boost/asio/post.hpp>

#include "http/connection.h"

namespace studio::http {

ServerExchange::ServerExchange(std::shared_ptr<Connection> connection, Request request,
                               std::chrono::steady_clock::time_point received_at)
    : connection_(std::move(connection)), request_(std::move(request)), received_at_(received_at) {
  connection_->shared_->exchanges.fetch_add(1);
}

ServerExchange::~ServerExchange() {
  connection_->shared_->exchanges.fetch_sub(1);
}

std::shared_ptr<Exchange> ServerExchange::hold(const std::shared_ptr<ServerExchange>& exchange) {
  return {exchange.get(), [exchange](Exchange*) { exchange->abandoned(); }};
}

void ServerExchange::abandoned() {
  bool answered = false;
  {
    std::scoped_lock lock(mutex_);
    answered = answered_;
  }
  if (answered) {
    abort();
    return;
  }
  Error error(Code::kInternal, "The server failed to answer this request.");
  respond(connection_->shared_->options.render_error(request_, 500, error));
}

void ServerExchange::wake(std::unique_lock<std::mutex>& lock) {
  bool post = !wake_posted_ && !gone_ && !done_;
  if (post) wake_posted_ = true;
  lock.unlock();
  if (!post) return;
  boost::asio::post(connection_->socket_.get_executor(),
                    [self = shared_from_this()] { self->connection_->pump(self); });
}

void ServerExchange::respond(Response response) {
  std::unique_lock lock(mutex_);
  if (answered_) return;
  answered_ = ended_ = true;
  whole_ = std::move(response);
  wake(lock);
}

void ServerExchange::begin(Response head, std::string heartbeat) {
  std::unique_lock lock(mutex_);
  if (answered_) return;
  answered_ = true;
  head_ = std::move(head);
  heartbeat_ = std::move(heartbeat);
  wake(lock);
}

void ServerExchange::write(std::string_view bytes) {
  std::unique_lock lock(mutex_);
  if (ended_ || gone_) return;
  append_chunk(outgoing_, bytes);
  wake(lock);
}

void ServerExchange::finish() {
  std::unique_lock lock(mutex_);
  if (ended_) return;
  ended_ = true;
  outgoing_ += kLastChunk;
  wake(lock);
}

void ServerExchange::abort() {
  std::unique_lock lock(mutex_);
  if (ended_) return;
  ended_ = aborted_ = true;
  wake(lock);
}

bool ServerExchange::congested() const {
  std::scoped_lock lock(mutex_);
  bool over = !gone_ && outgoing_.size() + unsent_ > kHighWatermarkBytes;
  was_congested_ |= over;
  return over;
}

void ServerExchange::on_drain(std::function<void()> callback) {
  std::scoped_lock lock(mutex_);
  if (!gone_ && !done_) on_drain_ = std::move(callback);
}

bool ServerExchange::gone() const {
  std::scoped_lock lock(mutex_);
  return gone_;
}

void ServerExchange::on_gone(std::function<void()> callback) {
  {
    std::scoped_lock lock(mutex_);
    if (done_) return;
    if (!gone_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  callback();
}

void ServerExchange::mark_gone() {
  std::function<void()> callback;
  std::function<void()> dropped;  // destroyed outside the lock: it may hold the last reference to its producer
  {
    std::scoped_lock lock(mutex_);
    if (gone_ || done_) return;
    gone_ = true;
    callback = std::move(on_gone_);
    dropped = std::move(on_drain_);
    outgoing_.clear();
  }
  if (callback) callback();
}

void ServerExchange::mark_done() {
  std::function<void()> dropped_gone;
  std::function<void()> dropped_drain;
  {
    std::scoped_lock lock(mutex_);
    done_ = true;
    dropped_gone.swap(on_gone_);
    dropped_drain.swap(on_drain_);
  }
}

void ServerExchange::set_unsent(size_t bytes) {
  std::function<void()> drained;
  {
    std::scoped_lock lock(mutex_);
    unsent_ = bytes;
    if (!was_congested_ || outgoing_.size() + unsent_ > kLowWatermarkBytes) return;
    was_congested_ = false;
    drained = on_drain_;
  }
  if (drained) drained();
}

}  // namespace studio::http
