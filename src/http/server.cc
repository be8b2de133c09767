#include "http/server.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "http/connection.h"
#include "http/trusted_proxy.h"

namespace studio::http {
namespace {

namespace asio = boost::asio;

// The kernel's queue of connections not yet accepted; it cuts this to net.core.somaxconn.
constexpr int kBacklog = 1024;
// Out of descriptors: accepting again at once would spin.
constexpr std::chrono::milliseconds kAcceptPause{100};
// A worker that is killed with its gateway holds its socket until its memory is given back: under a second for 2 GB.
constexpr std::chrono::seconds kTimeToDie{3};
constexpr std::chrono::milliseconds kLookAgain{10};

Error cannot_listen(const std::string& where, const std::string& why, Code code = Code::kUnavailable) {
  return Error(code, "Cannot listen on " + where + ": " + why + ".");
}

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Router router)
      : shared_(std::make_shared<ServerShared>(std::move(options), std::move(router))) {
    for (const auto& loop : shared_->loops) work_.push_back(boost::asio::make_work_guard(*loop));
  }

  ~ServerImpl() override {
    drain(std::chrono::milliseconds(0));
    // Every socket is closed and every timer cancelled: the loops run out of work once the last handler has run.
    work_.clear();
    for (std::thread& thread : threads_) thread.join();
    shared_->handlers.join();
    finish_late_connections();
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  }

  Status listen() {
    const ListenAddress& address = shared_->options.listen;
    auto opened = address.unix_path.empty() ? listen_tcp(address) : listen_unix(address.unix_path);
    if (!opened.ok()) return opened;
    for (const auto& loop : shared_->loops) threads_.emplace_back([context = loop.get()] { context->run(); });
    asio::post(*shared_->loops.front(), [this] { accept(); });
    return Ok{};
  }

  uint16_t port() const override { return port_; }
  void use_tls(std::shared_ptr<asio::ssl::context> tls) override { shared_->use_tls(std::move(tls)); }
  size_t open_connections() const override { return shared_->connections(); }
  size_t open_exchanges() const override { return shared_->exchanges; }
  void post(std::function<void()> work) override { asio::post(shared_->handlers, std::move(work)); }

  void drain(std::chrono::milliseconds deadline) override {
    shared_->draining = true;
    asio::post(*shared_->loops.front(), [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
    });
    for (const auto& connection : shared_->snapshot()) connection->drain();
    wait_until_empty(deadline);
    for (const auto& connection : shared_->snapshot()) connection->cut();
    wait_until_empty(std::chrono::seconds(2));  // what cut() set off ends within a turn of each loop
  }

 private:
  using Protocol = asio::generic::stream_protocol;

  Status listen_tcp(const ListenAddress& address) {
    std::string where = address.host + ":" + std::to_string(address.port);
    boost::system::error_code fault;
    auto ip = asio::ip::make_address(address.host == "localhost" ? "127.0.0.1" : address.host, fault);
    if (fault) return cannot_listen(where, "the host must be a numeric address or localhost");
    asio::ip::tcp::endpoint endpoint(ip, address.port);
    acceptor_.open(Protocol(endpoint.protocol()), fault);
    if (!fault) acceptor_.set_option(asio::socket_base::reuse_address(true), fault);
    if (!fault) acceptor_.bind(endpoint, fault);
    if (!fault) acceptor_.listen(kBacklog, fault);
    bool is_taken = fault == boost::system::errc::address_in_use;
    if (fault) return cannot_listen(where, fault.message(), is_taken ? Code::kConflict : Code::kUnavailable);
    auto bound = acceptor_.local_endpoint(fault);
    if (fault) return cannot_listen(where, fault.message());
    std::memcpy(endpoint.data(), bound.data(), std::min(bound.size(), endpoint.capacity()));
    port_ = endpoint.port();
    return Ok{};
  }

  // Nobody listens there, or nobody does any more within the time that a process takes to die.
  static bool is_left_behind(const std::string& path) {
    const auto until = std::chrono::steady_clock::now() + kTimeToDie;
    for (;;) {
      boost::system::error_code fault;
      asio::io_context context;
      asio::local::stream_protocol::socket probe(context);
      probe.connect(asio::local::stream_protocol::endpoint(path), fault);
      if (fault || std::chrono::steady_clock::now() >= until) return static_cast<bool>(fault);
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  Status listen_unix(const std::string& path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) return cannot_listen("a Unix socket", "its path is too long");
    if (!is_left_behind(path)) return cannot_listen("a Unix socket", "another process serves it");
    ::unlink(path.c_str());  // left by a process that died
    boost::system::error_code fault;
    asio::local::stream_protocol::endpoint endpoint(path);
    acceptor_.open(Protocol(endpoint.protocol()), fault);
    if (!fault) acceptor_.bind(endpoint, fault);
    // Nobody can connect before listen(), so there is no moment of wider rights.
    if (!fault && ::chmod(path.c_str(), 0600) != 0)
      fault = boost::system::errc::make_error_code(boost::system::errc::permission_denied);
    if (!fault) acceptor_.listen(kBacklog, fault);
    if (fault) return Error(cannot_listen("a Unix socket", fault.message())).with_detail(path);
    unix_path_ = path;
    return Ok{};
  }

  void accept() {
    if (!acceptor_.is_open() || shared_->draining) return;
    asio::io_context& target = *shared_->loops[next_loop_++ % shared_->loops.size()];
    acceptor_.async_accept(target, [this](boost::system::error_code fault, Protocol::socket socket) {
      if (fault == asio::error::operation_aborted || shared_->draining) return;
      if (fault) {
        log::warn("http.accept_failed", {{"reason", fault.message()}});
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this](boost::system::error_code cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      adopt(std::move(socket));
      accept();
    });
  }

  void adopt(Protocol::socket socket) {
    Connection::Ends ends{.peer = "unix", .local = ""};
    bool is_stranger = false;
    if (unix_path_.empty()) {
      boost::system::error_code fault;
      socket.set_option(asio::ip::tcp::no_delay(true), fault);
      socket.set_option(asio::socket_base::send_buffer_size(kSendBufferBytes), fault);
      asio::ip::address peer = address_of(socket.remote_endpoint(fault));
      ends = {fault ? "unknown" : peer.to_string(), address_of(socket.local_endpoint(fault)).to_string()};
      is_stranger =
          shared_->options.proxies_alone && !peer.is_loopback() && !is_trusted(shared_->options.proxies, ends.peer);
    }
    auto connection = std::make_shared<Connection>(std::move(socket), ends, shared_);
    bool has_room = shared_->enter(ends.peer, connection);
    using Entry = Connection::Entry;
    connection->start(is_stranger ? Entry::kStranger : has_room ? Entry::kWelcome : Entry::kFull);
    if (shared_->draining) connection->drain();  // drain() may have looked at the connections just before this one
  }

  // One form for each address: an IPv4 client of an IPv6 socket is an IPv4 client.
  static asio::ip::address address_of(const Protocol::endpoint& generic) {
    asio::ip::tcp::endpoint endpoint;
    std::memcpy(endpoint.data(), generic.data(), std::min(generic.size(), endpoint.capacity()));
    asio::ip::address address = endpoint.address();
    bool is_mapped = address.is_v6() && address.to_v6().is_v4_mapped();
    return is_mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()) : address;
  }

  // A connection accepted just before drain() may have been handed to a loop that had ended: it would hold itself there
  // for ever. The loops run once more, on this thread.
  void finish_late_connections() {
    for (const auto& connection : shared_->snapshot()) connection->cut();
    for (const auto& loop : shared_->loops) {
      loop->restart();
      loop->poll();
    }
  }

  void wait_until_empty(std::chrono::milliseconds limit) {
    auto until = std::chrono::steady_clock::now() + limit;
    // Drains are rare and take seconds; a look every few milliseconds costs less than a condition in every exchange.
    while (shared_->connections() > 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  std::shared_ptr<ServerShared> shared_;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::vector<std::thread> threads_;
  // Acceptor and pause belong to the first loop's thread.
  asio::basic_socket_acceptor<Protocol> acceptor_{*shared_->loops.front()};
  asio::steady_timer pause_{*shared_->loops.front()};
  size_t next_loop_ = 0;
  uint16_t port_ = 0;
  std::string unix_path_;
};

}  // namespace

Result<ListenAddress> ListenAddress::parse(const std::string& text) {
  Error error(Code::kInvalidArgument, "'" + text + "' is not an address to listen on; write HOST:PORT or [IPV6]:PORT.");
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return error;
  ListenAddress address;
  address.host = text.substr(0, colon);
  if (address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return error;
  }
  const char* end = text.data() + text.size();
  auto [stop, fault] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (fault != std::errc() || stop != end) return error;
  boost::system::error_code bad;
  if (address.host != "localhost") asio::ip::make_address(address.host, bad);
  if (bad) return error;
  return address;
}

ListenAddress ListenAddress::unix_socket(std::string path) {
  ListenAddress address;
  address.unix_path = std::move(path);
  return address;
}

bool ListenAddress::is_loopback() const {
  if (!unix_path.empty() || host == "localhost") return true;
  boost::system::error_code fault;
  auto address = asio::ip::make_address(host, fault);
  return !fault && address.is_loopback();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Router router) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(router));
  STUDIO_CHECK_OK(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace studio::http
