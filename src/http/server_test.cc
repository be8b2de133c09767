#include "http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "http/chunked.h"
#include "http/client.h"
#include "http/sse.h"

namespace studio::http {
namespace {

using namespace std::chrono_literals;

// A plain socket, to send what no client would.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  }
  // Until the text has come, the peer closed, or the time is up.
  std::string read_until(std::string_view text, std::chrono::milliseconds limit = 5s) {
    std::string got;
    auto until = std::chrono::steady_clock::now() + limit;
    while (got.find(text) == std::string::npos) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd waiting{fd_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&waiting, 1, int(left.count())) <= 0) return got + "<timeout>";
      std::array<char, 4096> buffer;
      ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (n <= 0) return got + "<closed>";
      got.append(buffer.data(), size_t(n));
    }
    return got;
  }
  std::string read_some(size_t most) {
    std::string got(most, '\0');
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 5000) <= 0) return "";
    got.resize(size_t(std::max<ssize_t>(0, ::recv(fd_, got.data(), most, 0))));
    return got;
  }
  std::string read_all() { return read_until("\x01never\x01"); }

 private:
  int fd_;
};

// What came of a body, and in how many pieces.
class CountingSink final : public BodySink {
 public:
  void take(std::string_view piece) override {
    ++pieces;
    largest = std::max(largest, piece.size());
    for (char c : piece) sum = sum * 31 + static_cast<unsigned char>(c);
    bytes += piece.size();
  }
  size_t pieces = 0, largest = 0, bytes = 0;
  uint64_t sum = 0;
};

// Handlers reach the test through here.
struct Desk {
  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<Exchange> held;
  std::atomic<int> gone{0};
  std::atomic<int> completed{0};
  std::atomic<int> handled{0};

  std::shared_ptr<Exchange> take() {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, 5s, [this] { return held != nullptr; });
    return std::move(held);
  }
  template <typename Done>
  bool wait(Done done) {
    for (int i = 0; i < 1000 && !done(); ++i) std::this_thread::sleep_for(5ms);
    return done();
  }
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    if (options.listen.unix_path.empty()) options.listen.host = "127.0.0.1";
    if (options.allowed_hosts.empty()) options.allowed_hosts = {"h"};
    options.render_error = [](const Request&, int status, const Error& error) {
      return Response::json(status, "{\"error\":\"" + error.message() + "\"}");
    };
    options.authenticate = [](const Request& request) -> Result<std::string> {
      const std::string* key = request.fields.find("authorization");
      if (key != nullptr && *key == "Bearer good") return std::string("key_1");
      return Error(Code::kUnauthenticated, "no key");
    };
    options.authenticate_session = [](const Request& request) -> Result<std::string> {
      const std::string* cookie = request.fields.find("cookie");
      if (cookie != nullptr && *cookie == "good") return std::string("session_1");
      if (cookie != nullptr && *cookie == "foreign") return Error(Code::kPermissionDenied, "another origin");
      return Error(Code::kUnauthenticated, "no session");
    };
    options.on_complete = [this](const ServerOptions::Completed&) { ++desk_.completed; };
    Router router;
    router.add(Route(Method::kGet, "/hello", AuthClass::kPublic, 0, [this](std::shared_ptr<Exchange> exchange) {
      ++desk_.handled;
      exchange->respond(Response::text(200, "hello"));
    }));
    router.add(Route(Method::kPost, "/echo", AuthClass::kPublic, 100'000, [this](std::shared_ptr<Exchange> exchange) {
      ++desk_.handled;
      exchange->respond(Response::text(200, exchange->request().body));
    }));
    router.add(Route(Method::kPost, "/secret", AuthClass::kKey, 100, [this](std::shared_ptr<Exchange> exchange) {
      ++desk_.handled;
      exchange->respond(Response::text(200, exchange->request().principal));
    }));
    router.add(Route(Method::kGet, "/session", AuthClass::kSession, 0, [](std::shared_ptr<Exchange> exchange) {
      exchange->respond(Response::text(200, exchange->request().principal));
    }));
    router.add(Route(Method::kGet, "/same", AuthClass::kPublic, 0, [](std::shared_ptr<Exchange> exchange) {
      Response response;
      response.status = 304;
      exchange->respond(std::move(response));
    }));
    router.add(Route(Method::kGet, "/drop", AuthClass::kPublic, 0, [](std::shared_ptr<Exchange>) {}));
    router.add(Route(Method::kGet, "/hold", AuthClass::kPublic, 0, [this](std::shared_ptr<Exchange> exchange) {
      exchange->on_gone([this] { ++desk_.gone; });
      std::scoped_lock lock(desk_.mutex);
      desk_.held = std::move(exchange);
      desk_.changed.notify_all();
    }));
    Route upload(Method::kPost, "/upload", AuthClass::kPublic, 5'000'000, [](std::shared_ptr<Exchange> exchange) {
      const auto& sink = static_cast<const CountingSink&>(*exchange->request().body_sink);
      exchange->respond(Response::text(200, std::to_string(sink.bytes) + " " + std::to_string(sink.sum) + " " +
                                                (sink.largest < 300'000 && sink.pieces > 1 ? "in pieces" : "at once") +
                                                exchange->request().body));
    });
    upload.open_body = [](const Request&) { return std::make_shared<CountingSink>(); };
    router.add(std::move(upload));
    auto started = Server::start(std::move(options), std::move(router));
    ASSERT_TRUE(started.ok()) << started.error().message();
    server_ = std::move(*started);
  }
  std::string ask(std::string_view bytes, std::string_view until = "\x01") {
    RawClient client(server_->port());
    client.send(bytes);
    return client.read_until(until);
  }

  Desk desk_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, ReportsEachRequestOnceThoughTheClientLeavesAtOnce) {
  start();
  constexpr int kRequests = 300;
  for (int i = 0; i < kRequests; ++i) {
    RawClient client(server_->port());
    client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.read_until("hello");
  }
  server_.reset();
  EXPECT_EQ(desk_.completed, kRequests);
}

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::string answer = client.read_until("hello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("\r\nX-Request-Id: "), std::string::npos);
    EXPECT_NE(answer.find("\r\nContent-Length: 5\r\n"), std::string::npos);
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  std::string three;
  for (const char* body : {"a", "b", "c"}) {
    three += std::string("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n") + body;
  }
  three += "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  std::string answers = ask(three);
  size_t a = answers.find("\r\n\r\na");
  size_t b = answers.find("\r\n\r\nb");
  size_t c = answers.find("\r\n\r\nc");
  EXPECT_TRUE(a < b && b < c && c < answers.find("hello<closed>")) << answers;
}

TEST_F(ServerTest, ReadsChunkedBodies) {
  start();
  std::string answer =
      ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: "
          "close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_NE(answer.find("\r\n\r\nabcde<closed>"), std::string::npos) << answer;
}

TEST_F(ServerTest, ALargeBodyGoesToItsSinkInPieces) {
  start();
  std::string body(3'000'000, 'x');
  CountingSink expected;
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 % 251);
  expected.take(body);
  const std::string told = std::to_string(body.size()) + " " + std::to_string(expected.sum) + " in pieces";
  RawClient client(server_->port());
  client.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_NE(client.read_until("pieces").find(told), std::string::npos);
  // The same connection, chunked, and a request right behind it.
  std::string chunked = "POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (size_t at = 0; at < body.size(); at += 100'000)
    append_chunk(chunked, std::string_view(body).substr(at, 100'000));
  client.send(chunked + std::string(kLastChunk) + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string both = client.read_until("\r\n\r\nhello");
  EXPECT_NE(both.find(told), std::string::npos);
  EXPECT_NE(ask("POST /upload HTTP/1.1\r\nHost: h\r\n\r\n", "at once").find("0 0 at once"), std::string::npos);
  EXPECT_NE(ask("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 5000001\r\n\r\n", "413").find(" 413 "),
            std::string::npos);
}

TEST_F(ServerTest, RefusesAMalformedHeadAndCloses) {
  start();
  std::string answer = ask("GET /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_TRUE(answer.ends_with("<closed>")) << answer;
  EXPECT_EQ(desk_.handled, 0);
}

TEST_F(ServerTest, NeverHandlesWhatFollowsARefusal) {
  start();
  std::string answer =
      ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGET /hello HTTP/1.1\r\nHost: "
          "h\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_EQ(desk_.handled, 0);
}

TEST_F(ServerTest, RefusesABodyOverTheRoutesLimitBeforeReadingIt) {
  start();
  EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("GET /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n").starts_with("HTTP/1.1 413 "));
}

TEST_F(ServerTest, WantsAKeyBeforeTheBody) {
  start();
  std::string head = "POST /secret HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n";
  EXPECT_TRUE(ask(head + "\r\n").starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(ask(head + "Authorization: Bearer bad\r\n\r\nabc").starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(desk_.handled, 0);
  EXPECT_NE(ask(head + "Authorization: Bearer good\r\n\r\nabc").find("key_1"), std::string::npos);
}

TEST_F(ServerTest, TellsUnknownPathsAndMethods) {
  start();
  EXPECT_TRUE(ask("GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask("DELETE /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(ask("BREW /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 405 "));
}

TEST_F(ServerTest, AnswersToItsOwnNamesOnly) {
  ServerOptions options;
  options.allowed_hosts = {"studio.test"};
  start(std::move(options));
  EXPECT_TRUE(ask("GET /hello HTTP/1.1\r\nHost: Studio.test\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(ask("GET /hello HTTP/1.1\r\nHost: LocalHost:1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(ask("GET /hello HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 421"));
}

TEST_F(ServerTest, RefusesPagesOfOtherOriginsOnEveryPath) {
  start();
  for (const char* line :
       {"GET /hello", "POST /echo", "POST /secret", "GET /none", "OPTIONS /hello", "DELETE /hello"}) {
    std::string answer = ask(std::string(line) +
                             " HTTP/1.1\r\nHost: h\r\nOrigin: https://evil.test\r\nAuthorization: Bearer good\r\n"
                             "Content-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 ")) << line << answer;
    EXPECT_EQ(answer.find("Access-Control"), std::string::npos) << answer;
  }
  EXPECT_EQ(desk_.handled, 0);
}

TEST_F(ServerTest, LetsAConfiguredOriginReadWithoutCredentials) {
  ServerOptions options;
  options.allowed_origins = {"https://app.test"};
  start(std::move(options));
  std::string from_app = "Host: h\r\nOrigin: https://app.test\r\nConnection: close\r\n";
  std::string preflight =
      ask("OPTIONS /secret HTTP/1.1\r\n" + from_app +
          "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n");
  EXPECT_TRUE(preflight.starts_with("HTTP/1.1 204 ")) << preflight;
  EXPECT_NE(preflight.find("Access-Control-Allow-Origin: https://app.test\r\n"), std::string::npos) << preflight;
  EXPECT_NE(preflight.find("Access-Control-Allow-Methods: POST\r\n"), std::string::npos) << preflight;
  EXPECT_NE(preflight.find("Vary: Origin\r\n"), std::string::npos) << preflight;
  EXPECT_EQ(desk_.handled, 0);
  for (const char* line : {"GET /hello", "POST /secret", "GET /none"}) {  // refusals can be read as well
    std::string answer = ask(std::string(line) + " HTTP/1.1\r\n" + from_app + "\r\n");
    EXPECT_NE(answer.find("Access-Control-Allow-Origin: https://app.test\r\n"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("Allow-Credentials"), std::string::npos) << answer;
  }
  std::string nowhere = ask("OPTIONS /none HTTP/1.1\r\n" + from_app + "Access-Control-Request-Method: POST\r\n\r\n");
  EXPECT_TRUE(nowhere.starts_with("HTTP/1.1 404 ")) << nowhere;
}

TEST_F(ServerTest, NoAnswerToHeadHasABody) {
  start();
  std::string answers =
      ask("HEAD /none HTTP/1.1\r\nHost: h\r\n\r\nHEAD /hello HTTP/1.1\r\nHost: h\r\nConnection: "
          "close\r\n\r\n");
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 404 ")) << answers;
  EXPECT_NE(answers.find("\r\n\r\nHTTP/1.1 200 OK"), std::string::npos) << answers;
  EXPECT_TRUE(answers.ends_with("\r\n\r\n<closed>")) << answers;
}

TEST_F(ServerTest, EveryAnswerKeepsOtherSitesFromEmbeddingIt) {
  start();
  for (const char* line : {"GET /hello", "GET /none"}) {
    std::string answer = ask(std::string(line) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    for (const char* field :
         {"X-Content-Type-Options: nosniff", "Cross-Origin-Resource-Policy: same-origin", "X-Frame-Options: DENY"}) {
      EXPECT_NE(answer.find(field), std::string::npos) << answer;
    }
  }
}

TEST_F(ServerTest, BelievesItsProxyAloneAboutTheClient) {
  std::string as_told = "Host: h\r\nOrigin: https://h\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
  start();
  EXPECT_TRUE(ask("GET /hello HTTP/1.1\r\n" + as_told).starts_with("HTTP/1.1 403 "));
  server_.reset();
  ServerOptions options;
  options.proxies = {*Network::parse("127.0.0.1")};
  start(std::move(options));
  EXPECT_TRUE(ask("GET /hello HTTP/1.1\r\n" + as_told).starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, CutsAReaderThatTakesNothing) {
  ServerOptions options;
  options.limits.stall_timeout = 100ms;
  start(std::move(options));
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  exchange->begin(sse_head(), "");
  size_t sent = 0;
  while (!exchange->gone() && sent < (64u << 20)) {
    exchange->write(std::string(64 * 1024, 'x'));
    sent += 64 * 1024;
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_TRUE(exchange->gone());
  EXPECT_LT(sent, 32u << 20);  // the kernel held little of it
}

TEST_F(ServerTest, KeepsAReaderThatIsSlowButReads) {
  ServerOptions options;
  options.limits.stall_timeout = 300ms;
  start(std::move(options));
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  exchange->begin(sse_head(), "");
  std::string piece(8 << 20, 'x');
  exchange->write(piece);
  exchange->finish();
  size_t got = 0;
  for (int i = 0; got < piece.size() && i < 1000; ++i) {  // some 4 MB a second for several windows
    size_t more = client.read_some(128 << 10).size();
    if (more == 0) break;
    got += more;
    std::this_thread::sleep_for(30ms);
  }
  EXPECT_GE(got, piece.size());
}

TEST_F(ServerTest, SaysContinueWhenAsked) {
  start();
  RawClient client(server_->port());
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(client.read_until("\r\n\r\n").find("100 Continue"), std::string::npos);
  client.send("ok");
  EXPECT_NE(client.read_until("ok").find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, TimesOutASlowHeadAndASlowBody) {
  ServerOptions options;
  options.limits.head_timeout = 100ms;
  options.limits.body_timeout = 100ms;
  start(std::move(options));
  EXPECT_TRUE(ask("GET /hel").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(ask("POST /secret HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\nContent-Length: 5\r\n\r\nab")
                  .starts_with("HTTP/1.1 408 "));
}

TEST_F(ServerTest, MakesA500OfADroppedExchange) {
  start();
  EXPECT_TRUE(ask("GET /drop HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 500 "));
}

TEST_F(ServerTest, NoticesAClientThatLeavesWhileItWaits) {
  start();
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  ASSERT_NE(exchange, nullptr);
  client.close();
  EXPECT_TRUE(desk_.wait([&] { return desk_.gone == 1; }));
  EXPECT_TRUE(exchange->gone());
  exchange->respond(Response::text(200, "late"));  // dropped
}

TEST_F(ServerTest, StreamsEventsAsTheyAreWritten) {
  start();
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  exchange->begin(sse_head(), std::string(kSseHeartbeat));
  EXPECT_NE(client.read_until("\r\n\r\n").find("text/event-stream"), std::string::npos);
  exchange->write(sse_event("1"));
  EXPECT_NE(client.read_until("data: 1\n\n").find("9\r\ndata: 1\n\n"), std::string::npos);
  exchange->finish();
  EXPECT_NE(client.read_until("0\r\n\r\n").find("0\r\n\r\n"), std::string::npos);
  client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(client.read_until("hello").find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, ASilentStreamGetsHeartbeats) {
  ServerOptions options;
  options.limits.heartbeat_every = 20ms;
  start(std::move(options));
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  exchange->begin(sse_head(), std::string(kSseHeartbeat));
  std::string got = client.read_until("e\r\n: keep-alive\n\n\r\ne\r\n: keep-alive\n\n\r\n");
  EXPECT_EQ(got.find("<timeout>"), std::string::npos) << got;
  exchange->write(sse_event("1"));
  exchange->finish();
  EXPECT_NE(client.read_until("0\r\n\r\n").find("data: 1\n\n"), std::string::npos);
}

TEST_F(ServerTest, CongestsAndDrainsWithTheReader) {
  start();
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  std::atomic<int> drained{0};
  exchange->on_drain([&] { ++drained; });
  exchange->begin(sse_head(), "");
  // The kernel's buffers take some megabytes before anything waits here.
  size_t sent = 0;
  while (!exchange->congested() && sent < (64u << 20)) {
    exchange->write(std::string(64 * 1024, 'x'));
    sent += 64 * 1024;
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(exchange->congested());
  exchange->finish();
  std::string all = client.read_until("\r\n0\r\n\r\n", 20s);
  EXPECT_GT(all.size(), sent);
  EXPECT_TRUE(desk_.wait([&] { return drained == 1; }));
}

TEST_F(ServerTest, DrainsRunningExchangesAndRefusesNewOnes) {
  start();
  RawClient busy(server_->port());
  RawClient idle(server_->port());
  busy.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  auto drained = std::async(std::launch::async, [&] { server_->drain(5s); });
  EXPECT_NE(idle.read_all().find("<closed>"), std::string::npos);
  exchange->respond(Response::text(200, "done"));
  EXPECT_NE(busy.read_all().find("Connection: close\r\n\r\ndone<closed>"), std::string::npos);
  busy.close();
  drained.get();
  EXPECT_EQ(server_->open_connections(), 0u);
}

TEST_F(ServerTest, CutsAtTheDeadline) {
  start();
  RawClient client(server_->port());
  client.send("GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
  auto exchange = desk_.take();
  auto begun = std::chrono::steady_clock::now();
  auto drained = std::async(std::launch::async, [&] { server_->drain(100ms); });
  EXPECT_TRUE(desk_.wait([&] { return desk_.gone == 1; }));
  exchange.reset();
  drained.get();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
}

TEST_F(ServerTest, EachRouteTakesOneKindOfCredential) {
  start();
  auto ask = [&](const std::string& line, const std::string& field) {
    RawClient client(server_->port());
    client.send(line + " HTTP/1.1\r\nHost: h\r\n" + field + "\r\n\r\n");
    return client.read_until("\r\n\r\n").substr(9, 3);
  };
  EXPECT_EQ(ask("GET /session", "Cookie: good"), "200");
  EXPECT_EQ(ask("GET /session", "Cookie: foreign"), "403");
  EXPECT_EQ(ask("GET /session", "Authorization: Bearer good"), "401");
  EXPECT_EQ(ask("POST /secret", "Cookie: good"), "401");
}

TEST_F(ServerTest, A304SaysNothingOfALength) {
  start();
  RawClient client(server_->port());
  client.send("GET /same HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 304 Not Modified\r\n")) << head;
  EXPECT_EQ(head.find("Content-Length"), std::string::npos) << head;
}

TEST_F(ServerTest, CapsConnectionsOfAnAddress) {
  ServerOptions options;
  options.limits.connections_per_address = 2;
  start(std::move(options));
  RawClient one(server_->port());
  RawClient two(server_->port());
  one.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  one.read_until("hello");
  two.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  two.read_until("hello");
  RawClient three(server_->port());
  EXPECT_TRUE(three.read_all().starts_with("HTTP/1.1 503 "));
}

TEST_F(ServerTest, ServesAUnixSocketToTheClient) {
  std::string path = std::filesystem::temp_directory_path() / ("studio_http_test_" + std::to_string(::getpid()));
  ServerOptions options;
  options.listen = ListenAddress::unix_socket(path);
  start(std::move(options));
  Client client(Endpoint::unix_socket(path));
  ClientRequest request;
  request.method = Method::kPost;
  request.target = "/echo";
  request.body = std::string(90'000, 'z');
  auto answer = client.fetch(std::move(request), 5s);
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->body.size(), 90'000u);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, TakesASocketOverFromAProcessThatIsDying) {
  std::string path = std::filesystem::temp_directory_path() / ("studio_http_dying_" + std::to_string(::getpid()));
  boost::asio::io_context context;
  boost::asio::local::stream_protocol::acceptor dying(context, boost::asio::local::stream_protocol::endpoint(path));
  ServerOptions options;
  options.listen = ListenAddress::unix_socket(path);
  std::thread dies([&] {
    std::this_thread::sleep_for(50ms);
    dying.close();
  });
  start(std::move(options));  // expects that it listens
  dies.join();
  ClientRequest request;
  request.target = "/hello";
  EXPECT_TRUE(Client(Endpoint::unix_socket(path)).fetch(std::move(request), 5s).ok());
}

TEST_F(ServerTest, ClientStreamsAndCancels) {
  start();
  Client client(*Endpoint::parse_url("http://127.0.0.1:" + std::to_string(server_->port())));
  std::promise<Code> ended;
  std::promise<std::string> first;
  ClientEvents events;
  events.on_data = [&](std::string_view data) { first.set_value(std::string(data)); };
  events.on_end = [&](Status status) { ended.set_value(status.ok() ? Code::kInternal : status.error().code()); };
  ClientRequest request;
  request.target = "/hold";
  auto call = client.start(std::move(request), std::move(events));
  auto exchange = desk_.take();
  exchange->begin(sse_head(), "");
  exchange->write("piece");
  EXPECT_EQ(first.get_future().get(), "piece");
  call->cancel();
  EXPECT_EQ(ended.get_future().get(), Code::kCancelled);
  EXPECT_TRUE(desk_.wait([&] { return desk_.gone == 1; }));
}

TEST_F(ServerTest, ClientTellsAServerThatIsNotThere) {
  Client client(Endpoint::unix_socket("/nonexistent/socket"));
  auto answer = client.fetch({}, 2s);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::kUnavailable);
}

TEST_F(ServerTest, ATakenPortIsAConflict) {
  start();
  ServerOptions second;
  second.listen = *ListenAddress::parse("127.0.0.1:" + std::to_string(server_->port()));
  auto server = Server::start(second, Router());
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code(), Code::kConflict);
}

TEST(ListenAddress, ReadsTheFormsPeopleWrite) {
  EXPECT_EQ(ListenAddress::parse("127.0.0.1:80")->port, 80);
  EXPECT_EQ(ListenAddress::parse("[::1]:81")->host, "::1");
  EXPECT_TRUE(ListenAddress::parse("localhost:0")->is_loopback());
  EXPECT_FALSE(ListenAddress::parse("0.0.0.0:80")->is_loopback());
  for (const char* text : {"", "80", ":80", "a:80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "::1:80"}) {
    EXPECT_FALSE(ListenAddress::parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace studio::http
