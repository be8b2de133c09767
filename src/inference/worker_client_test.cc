#include "inference/worker_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>

#include "http/server.h"
#include "http/sse.h"
#include "inference/fake_engine.h"
#include "inference/token_protocol.h"
#include "inference/worker_server.h"

namespace studio::inference {
namespace {

using namespace std::chrono_literals;
using engine::FinishReason;
using engine::TokenEvent;
using engine::TokenId;

TokenId counting(const engine::SequenceRequest& request, int position) {
  return (request.prompt[0] + position) % 1000;
}

// What a stream's sink saw.
struct Seen {
  std::vector<TokenId> ids;
  std::vector<float> scores;  // of the prompt, from its second token on
  TokenEvent end;
  int accepted = 0;
};

class Listener {
 public:
  engine::TokenSink sink() {
    return [this](const TokenEvent& event) {
      if (event.id >= 0) {
        EXPECT_EQ(event.index, static_cast<int>(seen_.ids.size()));
        seen_.ids.push_back(event.id);
      } else if (!event.scores.empty()) {
        EXPECT_EQ(event.first_score, static_cast<int>(seen_.scores.size()) + 1);
        for (const engine::TokenScore& score : event.scores) seen_.scores.push_back(score.logprob);
      } else if (event.finish == FinishReason::kNone) {
        ++seen_.accepted;
      }
      if (seen_.ids.size() == 5 && on_five) on_five();
      if (event.finish == FinishReason::kNone) return;
      seen_.end = event;
      done_.set_value();
    };
  }
  const Seen& wait() {
    EXPECT_EQ(done_.get_future().wait_for(20s), std::future_status::ready);
    return seen_;
  }
  std::function<void()> on_five;

 private:
  Seen seen_;
  std::promise<void> done_;
};

class WorkerClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    socket_ = std::filesystem::temp_directory_path() / ("studio_worker_test_" + std::to_string(::getpid()));
  }
  void serve(FakeEngine::Script script = counting, std::chrono::microseconds step = 200us) {
    server_.reset();
    engine_ = std::make_unique<FakeEngine>(std::move(script), step);
    auto server = WorkerServer::start(*engine_, socket_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = std::move(*server);
  }
  void connect(std::function<void()> kill = nullptr) {
    WorkerClientOptions options;
    options.workers.push_back(
        {.socket_path = socket_, .kill = std::move(kill), .pid = nullptr, .on_up = nullptr, .failed_loads = [this] {
           return failed_loads_.load();
         }});
    options.name = "fake";
    options.lost_patience = 2s;
    client_ = std::make_unique<WorkerClient>(std::move(options));
    ASSERT_TRUE(client_->wait_until_ready(5s, nullptr).ok());
  }
  static TokenRequest request(int max_new_tokens, const std::string& id = "r") {
    TokenRequest made;
    made.request_id = id;
    made.sequence.prompt = {10, 11};
    made.sequence.max_new_tokens = max_new_tokens;
    return made;
  }
  static std::vector<TokenId> expected(int count) {
    std::vector<TokenId> ids;
    for (int i = 0; i < count; ++i) ids.push_back((10 + i) % 1000);
    return ids;
  }
  template <typename Done>
  static bool wait(Done done) {
    for (int i = 0; i < 1000 && !done(); ++i) std::this_thread::sleep_for(5ms);
    return done();
  }

  std::string socket_;
  std::atomic<int> failed_loads_{0};
  std::unique_ptr<FakeEngine> engine_;
  std::unique_ptr<WorkerServer> server_;
  std::unique_ptr<WorkerClient> client_;
};

TEST_F(WorkerClientTest, StreamsEveryTokenOnceAndOneEnd) {
  serve();
  connect();
  Listener listener;
  auto stream = client_->generate(request(300), listener.sink());
  ASSERT_TRUE(stream.ok());
  const Seen& seen = listener.wait();
  EXPECT_EQ(seen.ids, expected(300));
  EXPECT_EQ(seen.accepted, 1);
  EXPECT_EQ(seen.end.finish, FinishReason::kLength);
  EXPECT_EQ(seen.end.usage.prompt_tokens, 2);
  EXPECT_EQ(seen.end.usage.generated_tokens, 300);
  EXPECT_TRUE(wait([&] { return client_->log().streams() == 0; }));
}

TEST_F(WorkerClientTest, RunsManyStreamsAtOnce) {
  serve();
  connect();
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::unique_ptr<TokenStream>> streams;
  for (int i = 0; i < 40; ++i) {
    listeners.push_back(std::make_unique<Listener>());
    auto stream = client_->generate(request(50, "r#" + std::to_string(i)), listeners.back()->sink());
    ASSERT_TRUE(stream.ok());
    streams.push_back(std::move(*stream));
  }
  for (auto& listener : listeners) EXPECT_EQ(listener->wait().ids, expected(50));
}

TEST_F(WorkerClientTest, CancelReachesTheEngine) {
  serve(counting, 2000us);
  connect();
  Listener listener;
  std::promise<void> five;
  listener.on_five = [&] { five.set_value(); };
  auto stream = client_->generate(request(4000), listener.sink());
  ASSERT_TRUE(stream.ok());
  five.get_future().wait();
  listener.on_five = nullptr;
  stream->reset();  // dropping the handle cancels
  EXPECT_EQ(listener.wait().end.finish, FinishReason::kCancelled);
  EXPECT_TRUE(wait([&] { return engine_->stats().running == 0; }));
  EXPECT_EQ(engine_->cancels, 1);
}

TEST_F(WorkerClientTest, PassesOnTheWorkersRefusal) {
  serve();
  engine_->refusal = Error(Code::kOverloaded, "The queue is full.").with_retry_after(2s);
  connect();
  Listener listener;
  auto stream = client_->generate(request(10), listener.sink());
  ASSERT_TRUE(stream.ok());
  const Seen& seen = listener.wait();
  ASSERT_TRUE(seen.end.error.has_value());
  EXPECT_EQ(seen.end.error->code(), Code::kOverloaded);
  EXPECT_EQ(seen.end.error->message(), "The queue is full.");
  EXPECT_EQ(seen.accepted, 0);
}

// Beats as a worker whose engine does nothing.
class Pulse {
 public:
  ~Pulse() {
    is_stopping_ = true;
    thread_.join();
  }
  void listen(std::shared_ptr<http::Exchange> exchange) {
    exchange->begin(http::sse_head(), "");
    exchange->write(http::sse_event(encode_stats({})));
    std::scoped_lock lock(mutex_);
    listeners_.push_back(std::move(exchange));
  }
  // As when the process dies.
  void cut() {
    std::scoped_lock lock(mutex_);
    for (const auto& listener : listeners_) listener->abort();
    listeners_.clear();
  }

 private:
  void run() {
    while (!is_stopping_) {
      std::this_thread::sleep_for(20ms);
      std::scoped_lock lock(mutex_);
      for (const auto& listener : listeners_) listener->write(http::sse_event(encode_stats({})));
    }
  }
  std::mutex mutex_;
  std::vector<std::shared_ptr<http::Exchange>> listeners_;
  std::atomic<bool> is_stopping_{false};
  std::thread thread_{[this] { run(); }};
};

// A worker that answers what the test says, once per connection.
class ScriptedWorker {
 public:
  using Answer =
      std::function<void(int attempt, const TokenRequest& request, const std::shared_ptr<http::Exchange>& exchange)>;
  using SimpleAnswer = std::function<void(int attempt, const TokenRequest& request, http::Exchange& exchange)>;
  ScriptedWorker(const std::string& socket, SimpleAnswer answer)
      : ScriptedWorker(socket, Answer([answer = std::move(answer)](int attempt, const TokenRequest& request,
                                                                   const std::shared_ptr<http::Exchange>& exchange) {
                         answer(attempt, request, *exchange);
                       })) {}
  ScriptedWorker(const std::string& socket, Answer answer) {
    http::ServerOptions options;
    options.listen = http::ListenAddress::unix_socket(socket);
    options.render_error = [](const http::Request&, int status, const Error&) {
      return http::Response::json(status, "{}");
    };
    http::Router router;
    router.add({http::Method::kGet, "/pulse", http::AuthClass::kPublic, 0,
                [this](const auto& exchange) { pulse.listen(exchange); }});
    router.add({http::Method::kGet, "/v1/models", http::AuthClass::kPublic, 0, [](const auto& exchange) {
                  engine::EngineInfo info;
                  info.numerics_class = "c";
                  info.digest = "d";
                  info.vocab_size = 1000;
                  info.context_tokens = 4096;
                  exchange->respond(http::Response::json(200, encode_info(info)));
                }});
    router.add({http::Method::kPost, "/v1/completions", http::AuthClass::kPublic, 1 << 20,
                [this, answer = std::move(answer)](const auto& exchange) {
                  auto request = decode_request(exchange->request().body);
                  exchange->begin(http::sse_head(), "");
                  answer(++attempts, *request, exchange);
                }});
    server_ = std::move(*http::Server::start(std::move(options), std::move(router)));
  }
  std::atomic<int> attempts{0};
  Pulse pulse;

 private:
  std::unique_ptr<http::Server> server_;
};

void send(http::Exchange& exchange, int index, TokenId id, FinishReason finish = FinishReason::kNone) {
  TokenEvent event;
  event.id = id;
  event.index = index;
  event.logprob = -1;
  event.finish = finish;
  exchange.write(http::sse_event(encode_event("r", event)));
}
void accept(http::Exchange& exchange, const std::string& digest = "d") {
  exchange.write(http::sse_event(encode_accepted("r", {"c", digest})));
}

TEST_F(WorkerClientTest, ResumesAStreamWhoseWorkerDied) {
  ScriptedWorker worker(socket_, [](int attempt, const TokenRequest& asked, http::Exchange& exchange) {
    accept(exchange);
    int from = static_cast<int>(asked.sequence.resume.size());
    EXPECT_EQ(from, attempt == 1 ? 0 : 3);
    if (attempt == 2) {
      EXPECT_EQ(asked.sequence.resume, expected(3));
    }
    for (int i = from; i < (attempt == 1 ? 3 : 6); ++i) send(exchange, i, 10 + i);
    if (attempt == 1) return exchange.abort();
    send(exchange, 6, 16, FinishReason::kStop);
    exchange.finish();
  });
  connect();
  Listener listener;
  auto stream = client_->generate(request(100), listener.sink());
  ASSERT_TRUE(stream.ok());
  const Seen& seen = listener.wait();
  EXPECT_EQ(seen.ids, expected(7));
  EXPECT_EQ(seen.end.finish, FinishReason::kStop);
  EXPECT_EQ(seen.accepted, 1);
  EXPECT_EQ(seen.end.usage.generated_tokens, 7);
}

void send_scores(http::Exchange& exchange, int first, const std::vector<float>& logprobs) {
  TokenEvent event;
  event.first_score = first;
  for (const float logprob : logprobs) event.scores.push_back({logprob, {}});
  exchange.write(http::sse_event(encode_event("r", event)));
}

TokenRequest scored_request() {
  TokenRequest asked;
  asked.request_id = "r";
  asked.sequence.prompt = {1, 2, 3, 4, 5};
  asked.sequence.max_new_tokens = 100;
  asked.sequence.scores_prompt = asked.sequence.sampling.logprobs = true;
  return asked;
}

// A prompt of five tokens, of which the first worker tells of three.
TEST_F(WorkerClientTest, HearsEachLogprobOfThePromptOnceOverALostWorker) {
  ScriptedWorker worker(socket_, [](int attempt, const TokenRequest& asked, http::Exchange& exchange) {
    accept(exchange);
    EXPECT_TRUE(asked.sequence.scores_prompt);
    if (attempt == 1) {
      send_scores(exchange, 1, {-1});
      send_scores(exchange, 2, {-2});
      return exchange.abort();
    }
    send_scores(exchange, 1, {-1, -2, -3});
    send_scores(exchange, 4, {-4});
    send(exchange, 0, 10, FinishReason::kStop);
    exchange.finish();
  });
  connect();
  Listener listener;
  auto stream = client_->generate(scored_request(), listener.sink());
  ASSERT_TRUE(stream.ok());
  const Seen& seen = listener.wait();
  EXPECT_EQ(seen.scores, (std::vector<float>{-1, -2, -3, -4}));
  EXPECT_EQ(seen.ids, expected(1));
  EXPECT_EQ(seen.end.finish, FinishReason::kStop);
}

TEST_F(WorkerClientTest, AsksForNoLogprobsOfThePromptBehindItsFirstToken) {
  ScriptedWorker worker(socket_, [](int attempt, const TokenRequest& asked, http::Exchange& exchange) {
    accept(exchange);
    EXPECT_EQ(asked.sequence.scores_prompt, attempt == 1);
    if (attempt == 1) {
      send_scores(exchange, 1, {-1, -2, -3, -4});
      send(exchange, 0, 10);
      return exchange.abort();
    }
    send(exchange, 1, 11, FinishReason::kStop);
    exchange.finish();
  });
  connect();
  Listener listener;
  auto stream = client_->generate(scored_request(), listener.sink());
  ASSERT_TRUE(stream.ok());
  const Seen& seen = listener.wait();
  EXPECT_EQ(seen.scores.size(), 4u);
  EXPECT_EQ(seen.ids, expected(2));
  EXPECT_EQ(seen.end.finish, FinishReason::kStop);
}

TEST_F(WorkerClientTest, WaitsForNoWorkerThatCannotLoadItsModel) {
  serve(counting, 20ms);
  connect();
  Listener waiting, after, again;
  auto first = client_->generate(request(300, "a"), waiting.sink());
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(wait([&] { return client_->log().streams() == 1 && engine_->stats().running == 1; }));
  failed_loads_ = WorkerClientOptions().max_failed_loads;  // told of while it is up: of a life that has begun since
  EXPECT_TRUE(client_->status().ready);
  server_.reset();
  const Seen& seen = waiting.wait();
  ASSERT_EQ(seen.end.finish, FinishReason::kError);
  EXPECT_EQ(seen.end.error->code(), Code::kUnavailable);
  EXPECT_NE(seen.end.error->message().find("'fake' cannot be loaded"), std::string::npos);

  ASSERT_TRUE(wait([&] { return !client_->status().ready; }));
  auto refused = client_->generate(request(3, "b"), after.sink());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_EQ(refused.error().retry_after(), 5s);

  failed_loads_ = 0;
  serve();
  ASSERT_TRUE(client_->wait_until_ready(5s, nullptr).ok());
  auto served = client_->generate(request(3, "c"), again.sink());
  ASSERT_TRUE(served.ok()) << served.error().message();
  EXPECT_EQ(again.wait().ids, expected(3));
}

TEST_F(WorkerClientTest, RefusesARequestThatStopsItsWorkerTwiceAtOnePlace) {
  ScriptedWorker worker(socket_, [](int, const TokenRequest& asked, http::Exchange& exchange) {
    accept(exchange);
    send(exchange, static_cast<int>(asked.sequence.resume.size()), 10);
    exchange.abort();
  });
  connect();
  Listener listener;
  auto stream = client_->generate(request(100), listener.sink());
  const Seen& seen = listener.wait();
  ASSERT_TRUE(seen.end.error.has_value());
  EXPECT_EQ(seen.end.error->code(), Code::kFailedPrecondition);
  EXPECT_EQ(worker.attempts, 2);
  EXPECT_EQ(seen.ids.size(), 2u);
  TokenRequest again = request(100, "again");
  again.sequence.sampling.seed = 77;  // no way around it
  auto refused = client_->generate(again, [](const TokenEvent&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_GT(refused.error().retry_after()->count(), 0);
  EXPECT_EQ(worker.attempts, 2);
}

// A worker that stops, with all its streams, whenever a request that begins with kDeadly comes to its fifth token.
class MortalWorker {
 public:
  static constexpr TokenId kDeadly = 66;

  explicit MortalWorker(const std::string& socket)
      : worker_(socket, [this](int, const TokenRequest& asked, const std::shared_ptr<http::Exchange>& exchange) {
          std::scoped_lock lock(mutex_);
          open_.push_back(exchange);
          threads_.emplace_back([this, asked, exchange] { answer(asked, *exchange); });
        }) {}
  ~MortalWorker() {
    std::vector<std::thread> left;
    {
      std::scoped_lock lock(mutex_);
      left.swap(threads_);
    }
    for (std::thread& thread : left) thread.join();
  }
  std::atomic<int> stops{0};

 private:
  void answer(const TokenRequest& asked, http::Exchange& exchange) {
    const bool is_deadly = asked.sequence.prompt[0] == kDeadly;
    accept(exchange);
    for (int i = static_cast<int>(asked.sequence.resume.size()); i < 20; ++i) {
      std::this_thread::sleep_for(5ms);
      if (is_deadly && i == 4) return stop(exchange);
      if (exchange.gone() && !is_deadly) return;
      send(exchange, i, 10 + i, i == 19 ? FinishReason::kStop : FinishReason::kNone);
    }
    exchange.finish();
  }
  void stop(const http::Exchange& killer) {
    std::scoped_lock lock(mutex_);
    auto is_killer = [&](const auto& exchange) { return exchange.get() == &killer; };
    if (std::none_of(open_.begin(), open_.end(), is_killer)) return;  // it died with the worker
    ++stops;
    for (const auto& exchange : open_) exchange->abort();
    open_.clear();
    worker_.pulse.cut();
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<http::Exchange>> open_;
  std::vector<std::thread> threads_;
  ScriptedWorker worker_;
};

TokenRequest beginning_with(TokenId first, const std::string& id) {
  TokenRequest made;
  made.request_id = id;
  made.sequence.prompt = {first, 11};
  made.sequence.max_new_tokens = 100;
  return made;
}

TEST_F(WorkerClientTest, FindsTheOneThatStopsTheWorkerAndSparesItsNeighbours) {
  MortalWorker worker(socket_);
  connect();
  std::vector<std::unique_ptr<Listener>> neighbours;
  std::vector<std::unique_ptr<TokenStream>> streams;
  auto add = [&](Listener& listener, TokenId first, const std::string& id) {
    auto stream = client_->generate(beginning_with(first, id), listener.sink());
    ASSERT_TRUE(stream.ok());
    streams.push_back(std::move(*stream));
  };
  for (int i = 0; i < 4; ++i) {
    neighbours.push_back(std::make_unique<Listener>());
    add(*neighbours.back(), 100 + i, "n" + std::to_string(i));
  }
  Listener guilty, twin;
  add(guilty, MortalWorker::kDeadly, "guilty");
  add(twin, MortalWorker::kDeadly, "twin");
  for (Listener* listener : {&guilty, &twin}) {
    const Seen& seen = listener->wait();
    ASSERT_TRUE(seen.end.error.has_value());
    EXPECT_EQ(seen.end.error->code(), Code::kFailedPrecondition);
  }
  for (auto& neighbour : neighbours) EXPECT_EQ(neighbour->wait().ids, expected(20));
  EXPECT_LE(worker.stops, 2);
  client_.reset();
}

TEST_F(WorkerClientTest, TriesARequestWhoseClientLeavesBeforeTheBlow) {
  MortalWorker worker(socket_);
  connect();
  bool is_refused = false;
  for (int i = 0; i < 20 && !is_refused; ++i) {
    std::promise<void> third;
    auto sink = [&, is_told = false](const TokenEvent& event) mutable {
      if (event.index == 2 && event.id >= 0 && !is_told) third.set_value(), is_told = true;
    };
    auto stream = client_->generate(beginning_with(MortalWorker::kDeadly, "k" + std::to_string(i)), sink);
    is_refused = !stream.ok();
    if (is_refused) break;
    ASSERT_EQ(third.get_future().wait_for(10s), std::future_status::ready);
    stream->reset();  // it leaves, and some milliseconds later the worker stops
    std::this_thread::sleep_for(500ms);
  }
  EXPECT_TRUE(is_refused);
  EXPECT_EQ(worker.stops, 2);
  client_.reset();
}

TEST_F(WorkerClientTest, GoesOnAtOnceAtAnotherWorker) {
  serve(counting, 2000us);
  FakeEngine other(counting, 2000us);
  auto second = WorkerServer::start(other, socket_ + "2");
  ASSERT_TRUE(second.ok());
  WorkerClientOptions options;
  options.workers.resize(2);
  options.workers[0].socket_path = socket_;
  options.workers[1].socket_path = socket_ + "2";
  client_ = std::make_unique<WorkerClient>(std::move(options));
  ASSERT_TRUE(client_->wait_until_ready(5s, nullptr).ok());
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::unique_ptr<TokenStream>> streams;
  for (int i = 0; i < 4; ++i) {
    listeners.push_back(std::make_unique<Listener>());
    auto stream = client_->generate(request(300, "r#" + std::to_string(i)), listeners.back()->sink());
    ASSERT_TRUE(stream.ok());
    streams.push_back(std::move(*stream));
  }
  EXPECT_TRUE(wait([&] { return engine_->taken().size() == 2 && other.taken().size() == 2; }));  // the least loaded
  server_.reset();  // and nobody starts it again
  for (auto& listener : listeners) EXPECT_EQ(listener->wait().ids, expected(300));
  EXPECT_TRUE(client_->status().ready);
  client_.reset();
}

TEST_F(WorkerClientTest, NoticesAWorkerThatForgetsAStream) {
  serve(counting, 500us);
  std::atomic<int> kills{0};
  connect([&] {
    ++kills;
    engine_->paused = false;  // as in a new life
  });
  Listener listener;
  // Long, so that the engine is not at its end before the listener is heard on a busy machine.
  listener.on_five = [&] { engine_->paused = true; };  // its steps go on, without a token
  auto stream = client_->generate(request(1000), listener.sink());
  EXPECT_EQ(listener.wait().ids, expected(1000));
  EXPECT_EQ(kills, 1);
}

TEST_F(WorkerClientTest, BelievesNoWorkerThatBreaksTheProtocol) {
  using Answer = ScriptedWorker::SimpleAnswer;
  std::vector<Answer> liars = {
      [](int, const TokenRequest&, http::Exchange& exchange) { send(exchange, 1, 10); },    // a gap
      [](int, const TokenRequest&, http::Exchange& exchange) { send(exchange, 0, 1000); },  // outside the vocabulary
      [](int, const TokenRequest&, http::Exchange& exchange) { exchange.write(http::sse_event("{")); },
      [](int, const TokenRequest&, http::Exchange& exchange) {  // no end
        send(exchange, 0, 10);
        exchange.finish();
      },
      [](int, const TokenRequest&, http::Exchange& exchange) {  // a probability above one
        exchange.write(http::sse_event(
            R"({"choices":[{"token_ids":[1],"position":0,"logprobs":{"token_logprobs":[0.5]},"finish_reason":null}]})"));
      },
      [](int, const TokenRequest&, http::Exchange& exchange) { send_scores(exchange, 1, {-1}); },  // unasked
      [](int, const TokenRequest&, http::Exchange& exchange) { send_scores(exchange, 1, {0.5f}); },
      [](int, const TokenRequest& asked, http::Exchange& exchange) {  // more than was asked for
        for (int i = static_cast<int>(asked.sequence.resume.size()); i <= asked.sequence.max_new_tokens; ++i) {
          send(exchange, i, 10);
        }
      }};
  for (size_t i = 0; i < liars.size(); ++i) {
    ScriptedWorker worker(socket_, liars[i]);
    connect();
    Listener listener;
    auto stream = client_->generate(request(4), listener.sink());
    const Seen& seen = listener.wait();
    EXPECT_TRUE(seen.end.error.has_value()) << i;
    EXPECT_LE(seen.ids.size(), 4u) << i;
    client_.reset();
  }
}

TEST_F(WorkerClientTest, DoesNotMixTwoModelsInOneAnswer) {
  ScriptedWorker worker(socket_, [](int attempt, const TokenRequest&, http::Exchange& exchange) {
    accept(exchange, attempt == 1 ? "d1" : "d2");
    if (attempt > 1) return exchange.finish();
    send(exchange, 0, 10);
    exchange.abort();
  });
  connect();
  Listener listener;
  auto stream = client_->generate(request(10), listener.sink());
  const Seen& seen = listener.wait();
  ASSERT_TRUE(seen.end.error.has_value());
  EXPECT_NE(seen.end.error->message().find("changed"), std::string::npos);
}

TEST_F(WorkerClientTest, WaitsForAWorkerThatIsAwayAndThenGivesUp) {
  serve();
  connect();
  server_.reset();
  EXPECT_TRUE(wait([&] { return !client_->status().ready; }));
  Listener waits;
  auto stream = client_->generate(request(20, "a"), waits.sink());
  std::this_thread::sleep_for(300ms);
  serve();
  EXPECT_EQ(waits.wait().ids, expected(20));
  server_.reset();
  Listener leaves;
  auto second = client_->generate(request(20, "b"), leaves.sink());
  const Seen& seen = leaves.wait();
  ASSERT_TRUE(seen.end.error.has_value());
  EXPECT_EQ(seen.end.error->code(), Code::kUnavailable);
}

TEST_F(WorkerClientTest, EndsItsStreamsWhenItGoes) {
  serve(counting, 5000us);
  connect();
  Listener listener;
  auto stream = client_->generate(request(4000), listener.sink());
  client_.reset();
  EXPECT_EQ(listener.wait().end.finish, FinishReason::kCancelled);
}

TEST(StreamLog, BoundsWhatMayBeProduced) {
  StreamLog log(100);
  auto a = log.open("a", 60);
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(log.open("b", 41).error().code(), Code::kOverloaded);
  EXPECT_EQ(log.open("a", 1).error().code(), Code::kConflict);
  a->append(7);
  EXPECT_EQ(*log.ids("a"), std::vector<TokenId>{7});
  {
    auto moved = std::move(*a);
  }
  EXPECT_FALSE(log.ids("a").ok());
  EXPECT_TRUE(log.open("b", 100).ok());
}

}  // namespace
}  // namespace studio::inference
