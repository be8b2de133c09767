// One request and its answer, between a handler and the connection it came on.
//
// An exchange is answered once: whole, by respond(), or piece by piece, by begin(), write() and finish(). The answer
// may come later and from any thread; nothing here blocks. A handler that drops its exchange unanswered makes a 500.
// When the client goes away first, on_gone runs and everything written after is dropped.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace studio::http {

// Bytes that may wait for a slow client. Past the high mark a stream is congested: its producer should hold back and
// merge until on_drain. A client that takes less than kMinReadBytes in kStallTimeout while that much waits counts as
// gone: 136 bytes a second, slower than a person reads.
inline constexpr size_t kHighWatermarkBytes = 256 * 1024;
inline constexpr size_t kLowWatermarkBytes = 64 * 1024;
inline constexpr std::chrono::seconds kStallTimeout{30};
inline constexpr size_t kMinReadBytes = 4 * 1024;
// Of the kernel, for each connection: left alone it grows to megabytes, which a thousand idle readers would pin.
inline constexpr int kSendBufferBytes = 128 * 1024;

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const Request& request() const = 0;
  virtual std::chrono::steady_clock::time_point received_at() const = 0;  // of the head's last byte

  virtual void respond(Response response) = 0;

  // `heartbeat` (an SSE comment) is sent after each ServerLimits::heartbeat_every without another byte; empty: none.
  virtual void begin(Response head, std::string heartbeat) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void finish() = 0;
  virtual void abort() = 0;  // cuts the connection without an end, so that the client knows

  virtual bool congested() const = 0;
  // Set once. Runs on an I/O thread each time a congested stream has drained; must be short.
  virtual void on_drain(std::function<void()> callback) = 0;

  virtual bool gone() const = 0;
  // Set once; runs once, on an I/O thread (or at once, where the client has gone already) and must be short. Not after
  // the answer is complete.
  virtual void on_gone(std::function<void()> callback) = 0;
};

}  // namespace studio::http
