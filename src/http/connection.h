// One client connection of a server: reads requests, hands them to handlers, writes their answers. Private to http.
//
// Every member of Connection belongs to the I/O thread of its socket's executor. What handlers call from other threads
// is ServerExchange, which keeps what they wrote under a mutex and asks the connection to fetch it.
// States: opening (TLS) -> head -> body -> answering -> (head | closing). Reading goes on while answering, to notice a
// client that left.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "http/chunked.h"
#include "http/head_check.h"
#include "http/server.h"
#include "http/transport.h"

namespace studio::http {

class Connection;

// What all connections of a server share. Any thread. Each connection holds it, so that event loops outlive sockets:
// an exchange may be held, closed, long after its server has gone.
struct ServerShared {
  ServerShared(ServerOptions server_options, Router server_router)
      : options(std::move(server_options)),
        router(std::move(server_router)),
        handlers(static_cast<size_t>(options.handler_threads)) {
    for (int i = 0; i < std::max(1, options.io_threads); ++i) {
      loops.push_back(std::make_unique<boost::asio::io_context>(1));
    }
  }

  // False when a cap is reached; otherwise counted until leave().
  bool enter(const std::string& peer, const std::shared_ptr<Connection>& connection);
  void leave(const std::string& peer, Connection* connection);
  std::vector<std::shared_ptr<Connection>> snapshot();
  size_t connections();
  std::shared_ptr<boost::asio::ssl::context> tls();
  void use_tls(std::shared_ptr<boost::asio::ssl::context> tls);

  const ServerOptions options;
  const Router router;
  std::vector<std::unique_ptr<boost::asio::io_context>> loops;  // one a thread
  boost::asio::thread_pool handlers;
  std::atomic<bool> draining{false};
  std::atomic<size_t> exchanges{0};

 private:
  std::mutex mutex_;
  std::map<Connection*, std::weak_ptr<Connection>> connections_;
  std::map<std::string, size_t> per_address_;
  std::shared_ptr<boost::asio::ssl::context> tls_ = options.tls;
};

class ServerExchange;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Addresses of the two ends; `peer` is "unix" on a Unix socket.
  struct Ends {
    std::string peer, local;
  };
  Connection(Transport::Socket socket, Ends ends, std::shared_ptr<ServerShared> shared);
  ~Connection();

  enum class Entry { kWelcome, kFull, kStranger };
  // The three may be called from any thread.
  void start(Entry entry);
  void drain();  // closes when idle, otherwise after the running exchange
  void cut();    // closes now

 private:
  friend class ServerExchange;
  enum class State { kOpening, kHead, kBody, kAnswering, kClosing };

  void turn_away(Entry entry);
  void open_tls();
  void on_peek(boost::system::error_code fault, bool is_handshake);
  void on_handshake(boost::system::error_code fault);

  void read_more();
  void on_read(size_t bytes);
  void on_end_of_input();
  void advance();
  bool take_head();  // false: wait for more, or the connection took another way
  void route_request(const HeadFacts& facts);
  void believe_proxy();
  bool admit_page(const HeadFacts& facts, const Router::Match& match);
  bool admit(const HeadFacts& facts, Router::Match& match);
  bool take_body();
  bool read_body();
  void hand_over(bool is_last);
  void dispatch();

  void refuse(int status, Error error, const std::string& allow = {});
  void answer_here(const Response& response);
  void pump(const std::shared_ptr<ServerExchange>& exchange);
  void send(std::string bytes);
  void write_some();
  void after_write();
  void answer_complete();
  void next_request();
  void close_gently();
  void close_now();
  void client_left();

  void arm(std::chrono::milliseconds delay, void (Connection::*action)());
  void disarm();
  void head_timed_out();
  void body_timed_out();
  void reader_stalled();
  void arm_heartbeat();
  std::string render_head(const Response& response, bool chunked, size_t length) const;
  void report(bool gone);

  const std::shared_ptr<ServerShared> shared_;  // first: gone after the socket
  Transport socket_;
  const Ends ends_;
  boost::asio::steady_timer timer_;  // of the phase: head, idle, body, stalled write, closing
  boost::asio::steady_timer heartbeat_;

  uint64_t armed_ = 0;  // counts arm() and disarm(): a timer that fired before either is stale

  State state_ = State::kOpening;
  bool reading_ = false;
  bool close_after_ = false;
  std::string input_;    // read and not yet used
  size_t searched_ = 0;  // of input_, for the end of the head
  std::array<char, 16 * 1024> chunk_{};

  Request request_;
  const Route* route_ = nullptr;
  std::optional<ChunkDecoder> chunks_;
  uint64_t body_remaining_ = 0;
  bool is_handing_over_ = false;  // a piece of it is with its sink
  size_t body_in_window_ = 0;     // bytes read since the body's sender was last looked at
  std::chrono::steady_clock::time_point body_deadline_;
  std::string cors_origin_;   // of an allowed page, which may read the answer
  bool is_reported_ = false;  // the client may leave between an answer's end and the next request's start
  std::chrono::steady_clock::time_point received_at_;

  std::shared_ptr<ServerExchange> exchange_;
  int status_ = 0;  // of the running answer; 0: not begun
  bool chunked_answer_ = false;
  bool answer_ended_ = false;
  std::string heartbeat_text_;
  uint64_t answer_bytes_ = 0;
  std::string queued_;  // waits for the write in progress
  std::string writing_;
  size_t written_ = 0;         // of writing_
  size_t read_by_client_ = 0;  // bytes taken since the reader was last looked at
  bool is_watching_reader_ = false;
  size_t discarded_ = 0;  // input read while closing
};

class ServerExchange final : public Exchange, public std::enable_shared_from_this<ServerExchange> {
 public:
  ServerExchange(std::shared_ptr<Connection> connection, Request request,
                 std::chrono::steady_clock::time_point received_at);
  ~ServerExchange() override;

  const Request& request() const override { return request_; }
  std::chrono::steady_clock::time_point received_at() const override { return received_at_; }
  void respond(Response response) override;
  void begin(Response head, std::string heartbeat) override;
  void write(std::string_view bytes) override;
  void finish() override;
  void abort() override;
  bool congested() const override;
  void on_drain(std::function<void()> callback) override;
  bool gone() const override;
  void on_gone(std::function<void()> callback) override;

  // What a handler holds: letting go of it unanswered makes a 500, half answered cuts the connection.
  static std::shared_ptr<Exchange> hold(const std::shared_ptr<ServerExchange>& exchange);

 private:
  friend class Connection;
  void abandoned();
  void wake(std::unique_lock<std::mutex>& lock);  // asks the connection to fetch; releases the lock
  void mark_gone();                               // I/O thread
  void mark_done();                               // I/O thread
  void set_unsent(size_t bytes);                  // I/O thread

  const std::shared_ptr<Connection> connection_;
  const Request request_;
  const std::chrono::steady_clock::time_point received_at_;

  mutable std::mutex mutex_;  // guards all below
  std::optional<Response> whole_;
  std::optional<Response> head_;
  std::string heartbeat_;
  std::string outgoing_;
  bool answered_ = false;  // respond() or begin() was called
  bool ended_ = false;
  bool aborted_ = false;
  bool gone_ = false;
  bool done_ = false;
  bool wake_posted_ = false;
  size_t unsent_ = 0;  // with the connection
  mutable bool was_congested_ = false;
  std::function<void()> on_gone_;
  std::function<void()> on_drain_;
};

}  // namespace studio::http
