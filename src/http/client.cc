#include "http/client.h"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "http/chunked.h"
#include "http/head_check.h"

namespace studio::http {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;

// Body bytes of one answer: a backstop against an endless one; streams of tokens stay far below it.
constexpr uint64_t kMaxBodyBytes = 1ull << 32;

Error broken(const std::string& detail) {
  return Error(Code::kUnavailable, "The connection to the server broke.").with_detail(detail);
}

std::string render(const ClientRequest& request, const Endpoint& endpoint) {
  std::string out(method_name(request.method));
  out += " " + request.target + " HTTP/1.1\r\n";
  std::string host = endpoint.unix_path.empty() ? endpoint.host + ":" + std::to_string(endpoint.port) : "localhost";
  if (endpoint.host.find(':') != std::string::npos) host = "[" + endpoint.host + "]:" + std::to_string(endpoint.port);
  out += "Host: " + host + "\r\nConnection: close\r\n";
  for (const Field& field : request.fields) out += field.name + ": " + field.value + "\r\n";
  if (!request.body.empty() || request.method == Method::kPost) {
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  out += "\r\n";
  out += request.body;
  return out;
}

}  // namespace

Endpoint Endpoint::unix_socket(std::string path) {
  Endpoint endpoint;
  endpoint.unix_path = std::move(path);
  return endpoint;
}

Result<Endpoint> Endpoint::parse_url(const std::string& url) {
  Error error(Code::kInvalidArgument, "'" + url + "' is not an address of the form http://HOST:PORT.");
  std::string_view rest = url;
  if (!rest.starts_with("http://")) return error;
  rest.remove_prefix(7);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return error;
  Endpoint endpoint;
  endpoint.host = rest.substr(0, colon);
  if (endpoint.host.front() == '[' && endpoint.host.back() == ']') {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  auto [stop, fault] = std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), endpoint.port);
  if (fault != std::errc() || stop != rest.data() + rest.size()) return error;
  return endpoint;
}

namespace {

// One call: connect, write, read head, read body. All but cancel() runs on the client's thread.
class CallImpl final : public Call, public std::enable_shared_from_this<CallImpl> {
 public:
  CallImpl(asio::io_context& context, ClientRequest request, ClientEvents events, const Endpoint& endpoint)
      : socket_(context),
        timer_(context),
        idle_timeout_(request.idle_timeout),
        head_only_(request.method == Method::kHead),
        outgoing_(render(request, endpoint)),
        events_(std::move(events)) {}

  void start(const Endpoint& endpoint, std::function<void(CallImpl*)> on_over) {
    on_over_ = std::move(on_over);
    Protocol::endpoint target;
    if (!endpoint.unix_path.empty()) {
      if (endpoint.unix_path.size() >= 108) {  // sun_path
        end(Error(Code::kInvalidArgument, "The socket's path is too long."));
        return;
      }
      target = Protocol::endpoint(asio::local::stream_protocol::endpoint(endpoint.unix_path));
    } else {
      boost::system::error_code fault;
      auto ip = asio::ip::make_address(endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host, fault);
      if (fault) {
        end(Error(Code::kInvalidArgument, "The server's host must be a numeric address or localhost."));
        return;
      }
      target = Protocol::endpoint(asio::ip::tcp::endpoint(ip, endpoint.port));
    }
    arm();
    socket_.async_connect(target, [self = shared_from_this()](boost::system::error_code fault) {
      if (fault) {
        self->end(Error(Code::kUnavailable, "The server cannot be reached.").with_detail(fault.message()));
        return;
      }
      if (self->events_.on_connect) self->events_.on_connect();
      if (self->over_) return;
      asio::async_write(self->socket_, asio::buffer(self->outgoing_), [self](boost::system::error_code failed, size_t) {
        // A server may refuse before it has read all: its answer is still worth reading.
        if (failed && failed != asio::error::broken_pipe && failed != asio::error::connection_reset) {
          self->end(broken(failed.message()));
        }
      });
      self->read();
    });
  }

  void cancel() override {
    asio::post(socket_.get_executor(),
               [self = shared_from_this()] { self->end(Error(Code::kCancelled, "The call was cancelled.")); });
  }
  void end_now() { end(Error(Code::kCancelled, "The call was cancelled.")); }

 private:
  void arm() {
    timer_.expires_after(idle_timeout_);
    timer_.async_wait([self = shared_from_this(), ticket = ++armed_](boost::system::error_code fault) {
      if (fault || ticket != self->armed_) return;
      self->end(Error(Code::kDeadlineExceeded, "The server did not answer in time."));
    });
  }

  void read() {
    if (over_) return;
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](boost::system::error_code fault, size_t n) {
                              if (self->over_) return;
                              if (fault) {
                                self->on_end_of_input(fault);
                                return;
                              }
                              self->arm();
                              self->input_.append(self->chunk_.data(), n);
                              self->advance();
                              self->read();
                            });
  }

  void on_end_of_input(boost::system::error_code fault) {
    bool until_close = head_done_ && !head_.chunked && !head_.has_length;
    if (until_close && fault == asio::error::eof) {
      end(Ok{});
    } else {
      end(broken(fault.message()));
    }
  }

  void advance() {
    if (!head_done_ && !take_head()) return;
    if (over_) return;
    std::string data;
    if (head_.chunked) {
      chunks_.feed(input_, data);
      input_.clear();
    } else {
      data.swap(input_);
      if (head_.has_length && data.size() > remaining_) data.resize(static_cast<size_t>(remaining_));
      remaining_ -= std::min<uint64_t>(remaining_, data.size());
    }
    if (!data.empty() && events_.on_data) events_.on_data(data);
    if (head_.chunked && chunks_.state() == ChunkDecoder::State::kDone) end(Ok{});
    if (head_.chunked && chunks_.state() > ChunkDecoder::State::kDone) {
      end(Error(Code::kCorruptData, "The server's answer is not HTTP/1.1."));
    }
    if (!head_.chunked && head_.has_length && remaining_ == 0) end(Ok{});
  }

  bool take_head() {
    size_t end_of_head = input_.find("\r\n\r\n");
    if (end_of_head == std::string::npos) {
      if (input_.size() > kMaxHeadBytes) end(Error(Code::kCorruptData, "The server's answer has too long a head."));
      return false;
    }
    auto parsed = parse_response_head(std::string_view(input_).substr(0, end_of_head + 4));
    input_.erase(0, end_of_head + 4);
    if (!parsed.ok()) {
      end(std::move(parsed).error());
      return false;
    }
    if (parsed->status == 100) return take_head();
    head_ = std::move(*parsed);
    head_done_ = true;
    if (head_only_ || head_.status == 204) {
      head_.chunked = false;
      head_.has_length = true;
      head_.content_length = 0;
    }
    remaining_ = head_.content_length;
    if (events_.on_head) events_.on_head(head_);
    return true;
  }

  void end(Status status) {
    if (over_) return;
    over_ = true;
    ++armed_;
    timer_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
    ClientEvents events = std::move(events_);  // what the callbacks hold is let go here
    events_ = {};
    if (events.on_end) events.on_end(std::move(status));
    if (on_over_) on_over_(this);
  }

  Protocol::socket socket_;
  asio::steady_timer timer_;
  const std::chrono::milliseconds idle_timeout_;
  const bool head_only_;
  const std::string outgoing_;
  ClientEvents events_;
  std::function<void(CallImpl*)> on_over_;
  uint64_t armed_ = 0;
  bool over_ = false;
  bool head_done_ = false;
  ResponseHead head_;
  ChunkDecoder chunks_{kMaxBodyBytes};
  uint64_t remaining_ = 0;
  std::string input_;
  std::array<char, 16 * 1024> chunk_{};
};

}  // namespace

struct Client::State {
  Endpoint endpoint;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::set<std::shared_ptr<CallImpl>> calls;  // the client's thread alone
  bool is_stopping = false;                   // the same
  std::thread thread;
};

Client::Client(Endpoint endpoint) : state_(std::make_unique<State>()) {
  state_->endpoint = std::move(endpoint);
  state_->thread = std::thread([state = state_.get()] { state->context.run(); });
}

Client::~Client() {
  stop();
}

void Client::stop() {
  if (!state_->thread.joinable()) return;
  asio::post(state_->context, [state = state_.get()] {
    state->is_stopping = true;
    auto calls = state->calls;
    for (const auto& call : calls) call->end_now();
    state->work.reset();
  });
  state_->thread.join();
}

std::shared_ptr<Call> Client::start(ClientRequest request, ClientEvents events) {
  auto call = std::make_shared<CallImpl>(state_->context, std::move(request), std::move(events), state_->endpoint);
  asio::post(state_->context, [state = state_.get(), call] {
    if (state->is_stopping) return call->end_now();
    state->calls.insert(call);
    call->start(state->endpoint, [state](CallImpl* over) {
      std::erase_if(state->calls, [over](const auto& held) { return held.get() == over; });
    });
  });
  return call;
}

void Client::post(std::function<void()> work) {
  asio::post(state_->context, std::move(work));
}

Result<ClientResponse> Client::fetch(ClientRequest request, std::chrono::milliseconds deadline,
                                     size_t body_limit_bytes) {
  struct Answer {
    ClientResponse response;
    bool too_large = false;
    std::promise<Status> end;
  };
  auto answer = std::make_shared<Answer>();
  std::future<Status> end = answer->end.get_future();
  ClientEvents events;
  events.on_head = [answer](const ResponseHead& head) {
    answer->response.status = head.status;
    answer->response.fields = head.fields;
  };
  events.on_data = [answer, body_limit_bytes](std::string_view data) {
    if (answer->response.body.size() + data.size() > body_limit_bytes) {
      answer->too_large = true;
    } else {
      answer->response.body += data;
    }
  };
  events.on_end = [answer](Status status) { answer->end.set_value(std::move(status)); };
  auto call = start(std::move(request), std::move(events));
  if (end.wait_for(deadline) != std::future_status::ready) {
    call->cancel();
    end.wait();
    return Error(Code::kDeadlineExceeded, "The server did not answer in time.");
  }
  STUDIO_CHECK_OK(end.get());
  if (answer->too_large) return Error(Code::kPayloadTooLarge, "The server's answer is too large.");
  return std::move(answer->response);
}

}  // namespace studio::http
