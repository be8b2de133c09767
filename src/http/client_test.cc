#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

namespace studio::http {
namespace {

ClientRequest to_nobody() {
  ClientRequest request;
  request.target = "/";
  return request;
}

TEST(Client, EndsWhatAnEventStartsWhileItStops) {
  Client client(Endpoint::unix_socket("/nowhere/no.sock"));
  std::atomic<int> refused{0}, cancelled{0};
  std::function<void()> start_again = [&] {
    ClientEvents events;
    events.on_end = [&](const Status& status) {
      const bool is_cancelled = status.error().code() == Code::kCancelled;
      ++(is_cancelled ? cancelled : refused);
      if (cancelled < 3) start_again();
    };
    client.start(to_nobody(), std::move(events));
  };
  start_again();
  while (refused < 3) std::this_thread::yield();
  client.stop();
  EXPECT_EQ(cancelled, 3);
  client.stop();  // twice is once
}

}  // namespace
}  // namespace studio::http
