// The bytes of one connection, plain or through TLS: the one place where the two differ. Private to http.
//
// Threads: that of the socket's executor. One read and one write may be under way at a time.
#pragma once

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <optional>
#include <utility>

namespace studio::http {

class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using TlsContext = boost::asio::ssl::context;

  // Without a context the bytes are plain. The context lives as long as its connections.
  Transport(Socket socket, std::shared_ptr<TlsContext> context)
      : socket_(std::move(socket)), context_(std::move(context)) {
    if (context_) tls_.emplace(socket_, *context_);
  }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  auto get_executor() { return socket_.get_executor(); }
  bool is_open() const { return socket_.is_open(); }
  bool is_tls() const { return tls_.has_value(); }
  Socket& socket() { return socket_; }

  // Waits for the first byte and tells whether it begins a TLS handshake; handler(error, is_handshake).
  template <typename Handler>
  void async_peek(Handler handler) {
    socket_.async_wait(
        Socket::wait_read, [this, handler = std::move(handler)](boost::system::error_code fault) mutable {
          constexpr unsigned char kHandshakeRecord = 22;  // RFC 8446, 5.1
          unsigned char first = 0;
          bool has_byte = !fault && ::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
          if (!fault && !has_byte) fault = boost::asio::error::eof;
          handler(fault, first == kHandshakeRecord);
        });
  }
  template <typename Handler>
  void async_handshake(Handler&& handler) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }
  // From here on the bytes are plain: to tell a client of plain HTTP what it met.
  void give_up_tls() { tls_.reset(); }

  template <typename Buffer, typename Handler>
  void async_read_some(const Buffer& buffer, Handler&& handler) {
    if (tls_) {
      tls_->async_read_some(buffer, std::forward<Handler>(handler));
    } else {
      socket_.async_read_some(buffer, std::forward<Handler>(handler));
    }
  }
  template <typename Buffer, typename Handler>
  void async_write_some(const Buffer& buffer, Handler&& handler) {
    if (tls_) {
      tls_->async_write_some(buffer, std::forward<Handler>(handler));
    } else {
      socket_.async_write_some(buffer, std::forward<Handler>(handler));
    }
  }

  // Tells the other side that nothing more comes. `owner` keeps this object until that is done.
  template <typename Owner>
  void shut_down_sending(Owner owner) {
    if (tls_) {
      tls_->async_shutdown([owner = std::move(owner)](boost::system::error_code) {});
      return;
    }
    boost::system::error_code ignored;
    socket_.shutdown(boost::asio::socket_base::shutdown_send, ignored);
  }
  // close() will drop what has not been read by the other side, and tell it so.
  void reset_on_close() {
    boost::system::error_code ignored;
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  std::shared_ptr<TlsContext> context_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace studio::http
