#include "http/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <ctime>
#include <utility>

#include "base/ids.h"
#include "http/head_parser.h"
#include "http/origin_check.h"
#include "http/request_id.h"

namespace studio::http {
namespace {

using std::chrono::steady_clock;

// A refused client may still be sending; it is read and dropped for a moment, so that it sees the answer, not a reset.
constexpr std::chrono::seconds kLinger{2};
constexpr size_t kMaxDiscardBytes = 64 << 20;  // eight times the largest body of a route: honest mistakes
// Of a body in each ServerLimits::body_timeout: some 270 bytes a second, slower than any line a client would bear.
constexpr size_t kMinBodyBytes = 4 * 1024;
// Of a body on its way to a sink: few hand-overs, and no more memory than a small body takes.
constexpr size_t kBodyPieceBytes = 256 * 1024;
// Requests that a client may send ahead of an answer. Beyond it, reading waits.
constexpr size_t kMaxReadAheadBytes = 64 * 1024;

bool asks_to_close(const Fields& fields) {
  const std::string* value = fields.find("connection");
  if (value == nullptr) return false;
  std::string_view rest = *value;
  while (true) {
    size_t comma = rest.find(',');
    if (equal_ignoring_case(trim_blanks(rest.substr(0, comma)), "close")) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

// On every answer: no type is guessed, no other site's page loads it as an image, a script or a frame.
constexpr std::string_view kGuardFields =
    "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\nX-Frame-Options: DENY\r\n";

std::string http_date() {
  std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace

bool ServerShared::enter(const std::string& peer, const std::shared_ptr<Connection>& connection) {
  std::scoped_lock lock(mutex_);
  size_t& of_peer = per_address_[peer];
  bool full =
      connections_.size() >= options.limits.connections ||
      (peer != "unix" && of_peer >= options.limits.connections_per_address && !is_trusted(options.proxies, peer));
  ++of_peer;
  connections_.emplace(connection.get(), connection);
  return !full;
}

void ServerShared::leave(const std::string& peer, Connection* connection) {
  std::scoped_lock lock(mutex_);
  if (connections_.erase(connection) == 0) return;
  auto found = per_address_.find(peer);
  if (--found->second == 0) per_address_.erase(found);
}

std::vector<std::shared_ptr<Connection>> ServerShared::snapshot() {
  std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<Connection>> alive;
  for (auto& [key, weak] : connections_) {
    if (auto connection = weak.lock()) alive.push_back(std::move(connection));
  }
  return alive;
}

size_t ServerShared::connections() {
  std::scoped_lock lock(mutex_);
  return connections_.size();
}

std::shared_ptr<boost::asio::ssl::context> ServerShared::tls() {
  std::scoped_lock lock(mutex_);
  return tls_;
}

void ServerShared::use_tls(std::shared_ptr<boost::asio::ssl::context> tls) {
  std::scoped_lock lock(mutex_);
  tls_.swap(tls);
}

Connection::Connection(Transport::Socket socket, Ends ends, std::shared_ptr<ServerShared> shared)
    : shared_(std::move(shared)),
      socket_(std::move(socket), shared_->tls()),
      ends_(std::move(ends)),
      timer_(socket_.get_executor()),
      heartbeat_(socket_.get_executor()) {}

Connection::~Connection() {
  shared_->leave(ends_.peer, this);
}

void Connection::start(Entry entry) {
  boost::asio::dispatch(socket_.get_executor(), [self = shared_from_this(), entry] {
    if (entry != Entry::kWelcome) {
      self->turn_away(entry);
    } else if (self->socket_.is_tls()) {
      self->open_tls();
    } else {
      self->next_request();
    }
  });
}

void Connection::turn_away(Entry entry) {
  if (socket_.is_tls()) {  // a handshake would cost more than what the limit protects
    close_now();
  } else if (entry == Entry::kStranger) {
    refuse(403, Error(Code::kPermissionDenied, "This server takes connections from its proxy alone."));
  } else {
    Error error(Code::kOverloaded, "Too many connections; try again in a moment.");
    refuse(503, std::move(error).with_retry_after(std::chrono::seconds(1)));
  }
}

// ---- TLS

void Connection::open_tls() {
  arm(shared_->options.limits.handshake_timeout, &Connection::close_now);
  socket_.async_peek([self = shared_from_this()](boost::system::error_code fault, bool is_handshake) {
    self->on_peek(fault, is_handshake);
  });
}

void Connection::on_peek(boost::system::error_code fault, bool is_handshake) {
  if (!socket_.is_open()) return;
  if (fault) return close_now();
  if (!is_handshake) {
    socket_.give_up_tls();
    return refuse(400, Error(Code::kInvalidArgument, "This port speaks HTTPS: the address begins with https://."));
  }
  socket_.async_handshake([self = shared_from_this()](boost::system::error_code done) { self->on_handshake(done); });
}

void Connection::on_handshake(boost::system::error_code fault) {
  if (!socket_.is_open()) return;
  if (fault) return close_now();
  disarm();
  next_request();
}

void Connection::drain() {
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->close_after_ = true;
    bool is_idle = self->state_ == State::kHead && self->input_.empty();
    if (is_idle || self->state_ == State::kOpening) self->close_now();
  });
}

void Connection::cut() {
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->client_left(); });
}

// ---- reading

void Connection::next_request() {
  state_ = State::kHead;
  searched_ = 0;
  request_ = Request();
  route_ = nullptr;
  chunks_.reset();
  exchange_.reset();
  status_ = 0;
  answer_bytes_ = 0;
  answer_ended_ = chunked_answer_ = is_reported_ = false;
  cors_origin_.clear();
  heartbeat_text_.clear();
  if (close_after_) {
    close_gently();
    return;
  }
  arm(input_.empty() ? shared_->options.limits.idle_timeout : shared_->options.limits.head_timeout,
      &Connection::head_timed_out);
  advance();
  read_more();
}

void Connection::read_more() {
  bool full = state_ == State::kAnswering && input_.size() >= kMaxReadAheadBytes;
  if (reading_ || full || is_handing_over_ || !socket_.is_open()) return;
  reading_ = true;
  socket_.async_read_some(boost::asio::buffer(chunk_),
                          [self = shared_from_this()](boost::system::error_code fault, size_t bytes) {
                            self->reading_ = false;
                            if (!self->socket_.is_open()) return;
                            if (fault) {
                              self->on_end_of_input();
                            } else {
                              self->on_read(bytes);
                            }
                          });
}

void Connection::on_read(size_t bytes) {
  if (state_ == State::kClosing) {
    discarded_ += bytes;
    if (discarded_ > kMaxDiscardBytes) {
      close_now();
      return;
    }
    read_more();
    return;
  }
  if (state_ == State::kHead && input_.empty()) arm(shared_->options.limits.head_timeout, &Connection::head_timed_out);
  if (state_ == State::kBody) body_in_window_ += bytes;
  input_.append(chunk_.data(), bytes);
  advance();
  read_more();
}

void Connection::on_end_of_input() {
  if (state_ == State::kAnswering) {
    client_left();
  } else {
    close_now();
  }
}

void Connection::advance() {
  if (state_ == State::kHead && !take_head()) return;
  if (state_ == State::kBody && take_body()) dispatch();
}

bool Connection::take_head() {
  HeadProgress progress = find_head_end(input_, searched_);
  searched_ = input_.size();
  if (progress.fault != HeadFault::kNone) {
    refuse(status_of(progress.fault), Error(Code::kInvalidArgument, std::string(describe(progress.fault))));
    return false;
  }
  if (progress.end == 0) return false;
  received_at_ = steady_clock::now();
  std::string head = input_.substr(0, progress.end);
  input_.erase(0, progress.end);
  HeadFacts facts = check_request_head(head);
  if (facts.fault != HeadFault::kNone) {
    refuse(status_of(facts.fault), Error(Code::kInvalidArgument, std::string(describe(facts.fault))));
    return false;
  }
  auto parsed = parse_request_head(head);
  if (!parsed.ok()) {
    refuse(400, std::move(parsed).error());
    return false;
  }
  request_ = std::move(*parsed);
  request_.peer = ends_.peer;
  if (socket_.is_tls()) request_.scheme = "https";
  believe_proxy();
  route_request(facts);
  return state_ == State::kBody;
}

void Connection::route_request(const HeadFacts& facts) {
  request_.request_id = new_uuid();
  request_.arrived_at = std::chrono::system_clock::now();
  request_.client_request_id = client_request_id(request_.fields);
  if (asks_to_close(request_.fields)) close_after_ = true;
  bool has_body = facts.chunked || facts.content_length > 0;
  Router::Match match = shared_->router.match(request_.method, request_.path);
  if (match.route != nullptr) request_.route = match.route->pattern;
  if (has_body) close_after_ = true;  // a refusal now leaves the body unread; taken back below
  if (!admit_page(facts, match) || !admit(facts, match)) return;
  if (has_body) close_after_ = asks_to_close(request_.fields) || shared_->draining;
  route_ = match.route;
  request_.path_parameters = std::move(match.parameters);
  body_remaining_ = facts.content_length;
  if (facts.chunked) chunks_.emplace(route_->body_limit_bytes);
  state_ = State::kBody;
  if (route_->open_body) request_.body_sink = route_->open_body(request_);
  const std::string* expect = request_.fields.find("expect");
  if (expect != nullptr && has_body && input_.empty()) send("HTTP/1.1 100 Continue\r\n\r\n");
  auto allowance = std::chrono::seconds(route_->body_limit_bytes / (16 * 1024));
  body_deadline_ = steady_clock::now() + shared_->options.limits.body_timeout + allowance;
  body_in_window_ = 0;
  arm(shared_->options.limits.body_timeout, &Connection::body_timed_out);
}

void Connection::believe_proxy() {
  const std::vector<Network>& proxies = shared_->options.proxies;
  if (!is_trusted(proxies, ends_.peer)) return;
  std::string client = forwarded_for(request_.fields, proxies);
  if (!client.empty()) request_.peer = std::move(client);
  std::string scheme = forwarded_scheme(request_.fields);
  if (!scheme.empty()) request_.scheme = std::move(scheme);
}

// Before anything else is looked at: what follows may say what is here.
bool Connection::admit_page(const HeadFacts& facts, const Router::Match& match) {
  const ServerOptions& options = shared_->options;
  if (!answers_to(facts.host, options.allowed_hosts, ends_.local)) {
    refuse(421, Error(Code::kPermissionDenied,
                      "This server does not answer to that Host; if it should, add it to serve.allowed_hosts "
                      "(--allowed-hosts)."));
    return false;
  }
  PageOrigin origin = check_origin(request_, options.allowed_origins);
  if (origin == PageOrigin::kForeign) {
    refuse(403, Error(Code::kPermissionDenied,
                      "Pages of other origins may not call this server; if this one should, add its origin to "
                      "serve.allowed_origins (--allowed-origins)."));
    return false;
  }
  if (origin != PageOrigin::kAllowed) return true;
  cors_origin_ = *request_.fields.find("origin");
  if (!is_preflight(request_) || match.malformed || match.allow.empty()) return true;
  answer_here(preflight_answer(request_, match.allow));
  return false;
}

bool Connection::admit(const HeadFacts& facts, Router::Match& match) {
  const ServerOptions& options = shared_->options;
  if (match.malformed) {
    refuse(400, Error(Code::kInvalidArgument, "The path cannot be decoded."));
    return false;
  }
  if (match.route == nullptr) {
    if (match.allow.empty()) {
      std::string near = shared_->router.suggestion(request_.path);
      refuse(404, Error(Code::kNotFound, "There is nothing at this path" + (near.empty() ? "." : near)));
    } else {
      refuse(405, Error(Code::kInvalidArgument, "This path takes " + match.allow + "."), match.allow);
    }
    return false;
  }
  if (match.route->auth != AuthClass::kPublic) {
    // Each route takes one kind of credential: a key opens no session's route, a session none that wants a key.
    const auto& authenticate =
        match.route->auth == AuthClass::kKey ? options.authenticate : options.authenticate_session;
    auto principal = authenticate
                         ? authenticate(request_)
                         : Result<std::string>(Error(Code::kUnauthenticated, "This server takes no requests."));
    if (!principal.ok()) {
      int status = principal.error().code() == Code::kPermissionDenied ? 403 : 401;
      refuse(status, std::move(principal).error());
      return false;
    }
    request_.principal = std::move(*principal);
  }
  if (facts.content_length > match.route->body_limit_bytes) {
    refuse(413, Error(Code::kPayloadTooLarge,
                      "The body is larger than " + std::to_string(match.route->body_limit_bytes) + " bytes."));
    return false;
  }
  const std::string* coding = request_.fields.find("content-encoding");
  if (coding != nullptr && !equal_ignoring_case(*coding, "identity")) {  // a small body may be a large one
    refuse(415,
           Error(Code::kInvalidArgument, "Compressed bodies are not read; send the body without Content-Encoding."));
    return false;
  }
  const std::string* expect = request_.fields.find("expect");
  if (expect != nullptr && !equal_ignoring_case(*expect, "100-continue")) {
    refuse(417, Error(Code::kInvalidArgument, "The Expect header may only hold 100-continue."));
    return false;
  }
  return true;
}

bool Connection::take_body() {
  if (is_handing_over_) return false;
  const bool is_whole = read_body();
  if (!request_.body_sink || state_ != State::kBody) return is_whole;
  if (is_whole || request_.body.size() >= kBodyPieceBytes) hand_over(is_whole);
  return false;
}

// The client is not looked at meanwhile: it waits for the disk, and not the other way round.
void Connection::hand_over(bool is_last) {
  is_handing_over_ = true;
  disarm();
  boost::asio::post(shared_->handlers, [self = shared_from_this(), sink = request_.body_sink,
                                        piece = std::exchange(request_.body, {}), is_last]() mutable {
    sink->take(piece);
    sink.reset();  // the handler is to be its last holder
    boost::asio::post(self->socket_.get_executor(), [self, is_last] {
      self->is_handing_over_ = false;
      if (!self->socket_.is_open()) return;
      if (is_last) {
        self->dispatch();
      } else {
        self->body_in_window_ = 0;
        self->arm(self->shared_->options.limits.body_timeout, &Connection::body_timed_out);
        self->advance();
      }
      self->read_more();
    });
  });
}

// True when all of it is here; false: wait for more, or it was refused.
bool Connection::read_body() {
  if (!chunks_) {
    auto take = static_cast<size_t>(std::min<uint64_t>(body_remaining_, input_.size()));
    request_.body.append(input_, 0, take);
    input_.erase(0, take);
    body_remaining_ -= take;
    return body_remaining_ == 0;
  }
  input_.erase(0, chunks_->feed(input_, request_.body));
  switch (chunks_->state()) {
    case ChunkDecoder::State::kMore:
      return false;
    case ChunkDecoder::State::kDone:
      return true;
    case ChunkDecoder::State::kBroken:
      close_after_ = true;
      refuse(400, Error(Code::kInvalidArgument, "The chunked body is malformed."));
      return false;
    case ChunkDecoder::State::kTooLarge:
      close_after_ = true;
      refuse(413, Error(Code::kPayloadTooLarge,
                        "The body is larger than " + std::to_string(route_->body_limit_bytes) + " bytes."));
      return false;
  }
  return false;
}

void Connection::dispatch() {
  state_ = State::kAnswering;
  disarm();
  std::string body = std::move(request_.body);
  request_.body = std::string();
  Request whole = request_;
  whole.body = std::move(body);
  request_.body_sink.reset();
  exchange_ = std::make_shared<ServerExchange>(shared_from_this(), std::move(whole), received_at_);
  boost::asio::post(shared_->handlers, [handler = &route_->handler, held = ServerExchange::hold(exchange_)]() mutable {
    (*handler)(std::move(held));
  });
}

// ---- answering

// Answers without a handler. Where bytes of the request are left unread, the connection ends after it.
void Connection::refuse(int status, Error error, const std::string& allow) {
  if (request_.request_id.empty()) {  // the head was not understood: nothing after it can be either
    request_.request_id = new_uuid();
    received_at_ = steady_clock::now();
    close_after_ = true;
  }
  Response response = shared_->options.render_error(request_, status, error);
  if (!allow.empty()) response.fields.set("Allow", allow);
  answer_here(response);
}

void Connection::answer_here(const Response& response) {
  disarm();
  state_ = State::kAnswering;
  status_ = response.status;
  answer_ended_ = true;
  std::string bytes = render_head(response, false, response.body.size());
  // A body after the head of HEAD's answer would be read as the next answer.
  if (request_.method != Method::kHead) {
    answer_bytes_ = response.body.size();
    bytes += response.body;
  }
  send(std::move(bytes));
}

std::string Connection::render_head(const Response& response, bool chunked, size_t length) const {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += reason_phrase(response.status);
  out += "\r\n";
  Fields fields = response.fields;
  if (!cors_origin_.empty()) add_cors_fields(cors_origin_, fields);
  for (const Field& field : fields) {
    out += field.name + ": ";
    for (char c : field.value) {
      if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
    }
    out += "\r\n";
  }
  out += kGuardFields;
  out += "Date: " + http_date() + "\r\nX-Request-Id: " + request_.request_id + "\r\n";
  if (!request_.client_request_id.empty()) {
    out += std::string(kClientRequestIdHeader) + ": " + request_.client_request_id + "\r\n";
  }
  if (chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (response.status != 204 && response.status != 304) {
    out += "Content-Length: " + std::to_string(length) + "\r\n";
  }
  if (close_after_) out += "Connection: close\r\n";
  out += "\r\n";
  return out;
}

// Fetches what the handler's side has written since the last time.
void Connection::pump(const std::shared_ptr<ServerExchange>& exchange) {
  if (exchange != exchange_ || state_ != State::kAnswering) return;
  std::string bytes;
  bool ended = false;
  bool aborted = false;
  {
    std::scoped_lock lock(exchange->mutex_);
    exchange->wake_posted_ = false;
    if (shared_->draining) close_after_ = true;
    bool head_only = request_.method == Method::kHead;
    if (exchange->whole_) {
      Response& whole = *exchange->whole_;
      status_ = whole.status;
      answer_bytes_ = whole.body.size();
      bytes = render_head(whole, false, whole.body.size());
      if (!head_only) bytes += whole.body;
      exchange->whole_.reset();
    }
    if (exchange->head_) {
      status_ = exchange->head_->status;
      chunked_answer_ = true;
      heartbeat_text_ = exchange->heartbeat_;
      bytes = render_head(*exchange->head_, true, 0);
      exchange->head_.reset();
    }
    answer_bytes_ += exchange->outgoing_.size();
    bytes += exchange->outgoing_;
    exchange->outgoing_.clear();
    exchange->unsent_ = queued_.size() + writing_.size() - written_ + bytes.size();
    ended = exchange->ended_;
    aborted = exchange->aborted_;
  }
  if (aborted) close_after_ = true;
  answer_ended_ = ended;
  send(std::move(bytes));
}

void Connection::send(std::string bytes) {
  if (queued_.empty()) {
    queued_ = std::move(bytes);
  } else {
    queued_ += bytes;
  }
  if (writing_.empty()) after_write();
}

// Nothing is being written: start on what is queued, or end the answer.
void Connection::after_write() {
  written_ = 0;
  writing_.clear();
  if (!queued_.empty()) {
    writing_.swap(queued_);
    write_some();
    return;
  }
  if (state_ != State::kAnswering) return;
  if (answer_ended_) {
    answer_complete();
  } else if (chunked_answer_) {
    arm_heartbeat();
  }
}

void Connection::write_some() {
  if (state_ == State::kAnswering && !is_watching_reader_) {
    is_watching_reader_ = true;
    read_by_client_ = 0;
    arm(shared_->options.limits.stall_timeout, &Connection::reader_stalled);
  }
  heartbeat_.cancel();
  socket_.async_write_some(boost::asio::buffer(writing_.data() + written_, writing_.size() - written_),
                           [self = shared_from_this()](boost::system::error_code fault, size_t bytes) {
                             if (!self->socket_.is_open()) return;
                             if (fault) {
                               self->client_left();
                               return;
                             }
                             self->written_ += bytes;
                             self->read_by_client_ += bytes;
                             bool more = self->written_ < self->writing_.size();
                             size_t unsent = self->queued_.size() + self->writing_.size() - self->written_;
                             if (unsent == 0 && self->state_ == State::kAnswering) self->disarm();
                             if (self->exchange_) self->exchange_->set_unsent(unsent);
                             if (!self->socket_.is_open()) return;
                             if (more) {
                               self->write_some();
                             } else {
                               self->after_write();
                             }
                           });
}

void Connection::arm_heartbeat() {
  if (heartbeat_text_.empty()) return;
  heartbeat_.expires_after(shared_->options.limits.heartbeat_every);
  heartbeat_.async_wait([self = shared_from_this()](boost::system::error_code fault) {
    if (fault || self->state_ != State::kAnswering || self->answer_ended_ || !self->writing_.empty()) return;
    std::string chunk;
    append_chunk(chunk, self->heartbeat_text_);
    self->send(std::move(chunk));
  });
}

void Connection::answer_complete() {
  heartbeat_.cancel();
  disarm();
  report(false);
  if (exchange_) exchange_->mark_done();
  // Posted, not called: a chain of pipelined requests must not grow the stack.
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (self->socket_.is_open() && self->state_ == State::kAnswering) self->next_request();
  });
}

void Connection::report(bool gone) {
  if (is_reported_ || !shared_->options.on_complete) return;
  is_reported_ = true;
  ServerOptions::Completed completed{.request = request_,
                                     .status = status_ == 0 ? 499 : status_,
                                     .client_gone = gone,
                                     .body_bytes = answer_bytes_,
                                     .duration = steady_clock::now() - received_at_};
  shared_->options.on_complete(completed);
}

// ---- ends

void Connection::client_left() {
  if (!socket_.is_open()) return;
  bool answering = state_ == State::kAnswering;
  close_now();
  if (!answering) return;
  report(true);
  if (exchange_) exchange_->mark_gone();
  exchange_.reset();
}

void Connection::close_gently() {
  state_ = State::kClosing;
  socket_.shut_down_sending(shared_from_this());
  arm(kLinger, &Connection::close_now);
  input_ = std::string();
  read_more();
}

void Connection::close_now() {
  state_ = State::kClosing;
  disarm();
  heartbeat_.cancel();
  socket_.close();
  shared_->leave(ends_.peer, this);
}

void Connection::arm(std::chrono::milliseconds delay, void (Connection::*action)()) {
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), action, ticket = ++armed_](boost::system::error_code fault) {
    if (!fault && ticket == self->armed_) (self.get()->*action)();
  });
}

void Connection::disarm() {
  is_watching_reader_ = false;
  ++armed_;
  timer_.cancel();
}

void Connection::head_timed_out() {
  if (state_ != State::kHead) return;
  if (input_.empty()) {
    close_now();
  } else {
    refuse(408, Error(Code::kDeadlineExceeded, "The request's head did not arrive in time."));
  }
}

// The reader had a whole window for what waits. Where it took its share, or all of it, the next window begins.
void Connection::reader_stalled() {
  is_watching_reader_ = false;
  if (state_ != State::kAnswering) return;
  if (read_by_client_ < kMinReadBytes) {
    socket_.reset_on_close();  // what the kernel still holds for it would stay for minutes
    return client_left();
  }
  is_watching_reader_ = true;
  read_by_client_ = 0;
  arm(shared_->options.limits.stall_timeout, &Connection::reader_stalled);
}

void Connection::body_timed_out() {
  if (state_ != State::kBody) return;
  bool is_slow = body_in_window_ < kMinBodyBytes;
  if (!is_slow && steady_clock::now() < body_deadline_) {
    body_in_window_ = 0;
    arm(shared_->options.limits.body_timeout, &Connection::body_timed_out);
    return;
  }
  close_after_ = true;
  refuse(408, Error(Code::kDeadlineExceeded, "The request's body did not arrive in time."));
}

}  // namespace studio::http
