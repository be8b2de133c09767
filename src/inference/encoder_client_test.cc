#include "inference/encoder_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "http/server.h"
#include "http/sse.h"
#include "inference/encoder_server.h"
#include "inference/fake_encoder.h"
#include "inference/token_protocol.h"

namespace studio::inference {
namespace {

using namespace std::chrono_literals;

EncodeRequest request_of(engine::TokenId first) {
  EncodeRequest request;
  request.request_id = "r";
  request.texts = {{.ids = {first, 1}}, {.ids = {first, 1, 2}, .second_from = 1}};
  return request;
}

class EncoderClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    socket_ = std::filesystem::temp_directory_path() / ("studio_encoder_test_" + std::to_string(::getpid()));
  }
  void TearDown() override {
    if (encoder_ != nullptr) encoder_->let_go();
  }
  void serve() {
    stop();
    loaded_ = std::make_unique<LoadedEncoder>();
    loaded_->pool = std::make_unique<ThreadPool>(1);
    auto encoder = std::make_unique<FakeEncoder>();
    encoder_ = encoder.get();
    loaded_->encoder = std::move(encoder);
    loaded_->max_requests = 2;
    loaded_->info.digest = "d1";
    loaded_->info.numerics_class = "fake-v1";
    loaded_->info.vocab_size = 1000;
    loaded_->info.context_tokens = 64;
    auto server = start_encoder_server(*loaded_, socket_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = std::move(*server);
  }
  void stop() {
    if (encoder_ != nullptr) encoder_->let_go();
    server_.reset();
    loaded_.reset();
    encoder_ = nullptr;
  }
  void connect(std::function<void()> kill = nullptr) {
    WorkerClientOptions options;
    options.name = "fake";
    options.lost_patience = 500ms;
    options.workers.push_back(
        {.socket_path = socket_, .kill = std::move(kill), .pid = nullptr, .on_up = nullptr, .failed_loads = [this] {
           return failed_loads_.load();
         }});
    client_ = std::make_unique<EncoderClient>(std::move(options));
  }
  void wait_for_a_pass() {
    while (encoder_->passes().empty()) std::this_thread::sleep_for(1ms);
  }

  std::string socket_;
  std::atomic<int> failed_loads_{0};
  FakeEncoder* encoder_ = nullptr;
  std::unique_ptr<LoadedEncoder> loaded_;
  std::unique_ptr<WorkerServer> server_;
  std::unique_ptr<EncoderClient> client_;
};

TEST_F(EncoderClientTest, BringsVectorsAndTellsWhatTheWorkerIs) {
  serve();
  connect();
  ASSERT_TRUE(client_->wait_until_ready(20s, nullptr).ok());
  Seen seen;
  const auto handle = client_->encode(request_of(5), seen.sink());
  ASSERT_TRUE(handle.ok());
  const auto encoded = seen.wait();
  ASSERT_TRUE(encoded.ok()) << encoded.error().message();
  EXPECT_EQ(encoded->values, (std::vector<float>{5, 2, 0, 5, 3, 1}));
  EXPECT_EQ(encoded->width, 3u);
  EXPECT_EQ(encoded->prompt_tokens, 5);
  EXPECT_EQ(client_->status().info.digest, "d1");
  EXPECT_TRUE(client_->status().ready);
}

TEST_F(EncoderClientTest, HandsOnWhatTheWorkerRefuses) {
  serve();
  connect();
  ASSERT_TRUE(client_->wait_until_ready(20s, nullptr).ok());
  encoder_->hold();
  Seen running, waits, too_much;
  const auto one = client_->encode(request_of(1), running.sink());
  wait_for_a_pass();
  const auto two = client_->encode(request_of(2), waits.sink());
  while (client_->status().stats.waiting < 1) std::this_thread::sleep_for(1ms);
  const auto three = client_->encode(request_of(3), too_much.sink());
  const auto refused = too_much.wait();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kOverloaded);
  encoder_->let_go();
  EXPECT_TRUE(running.wait().ok());
  EXPECT_TRUE(waits.wait().ok());
}

TEST_F(EncoderClientTest, SendsARequestOnceMoreWhenItsWorkerIsLost) {
  serve();
  connect();
  ASSERT_TRUE(client_->wait_until_ready(20s, nullptr).ok());
  encoder_->hold();
  Seen seen;
  const auto handle = client_->encode(request_of(7), seen.sink());
  wait_for_a_pass();
  serve();  // the first server ends with the request unanswered
  const auto encoded = seen.wait();
  ASSERT_TRUE(encoded.ok()) << encoded.error().message();
  EXPECT_EQ(encoded->values, (std::vector<float>{7, 2, 0, 7, 3, 1}));
}

TEST_F(EncoderClientTest, GivesUpWhenNoWorkerComesBack) {
  serve();
  connect();
  ASSERT_TRUE(client_->wait_until_ready(20s, nullptr).ok());
  stop();
  while (client_->status().ready) std::this_thread::sleep_for(1ms);
  Seen seen;
  const auto handle = client_->encode(request_of(7), seen.sink());
  ASSERT_TRUE(handle.ok());
  const auto ended = seen.wait();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), Code::kUnavailable);
  failed_loads_ = 3;
  const auto refused = client_->encode(request_of(7), [](const Result<Encoded>&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("cannot be loaded"), std::string::npos);
}

TEST_F(EncoderClientTest, TellsWhoLetsGoThatItWasCancelledAndStopsTheWork) {
  serve();
  connect();
  ASSERT_TRUE(client_->wait_until_ready(20s, nullptr).ok());
  encoder_->hold();
  Seen seen;
  auto handle = client_->encode(request_of(7), seen.sink());
  ASSERT_TRUE(handle.ok());
  wait_for_a_pass();
  handle->reset();
  const auto ended = seen.wait();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), Code::kCancelled);
  encoder_->let_go();
}

TEST_F(EncoderClientTest, EndsWhatRunsWhenItGoes) {
  serve();
  connect();
  ASSERT_TRUE(client_->wait_until_ready(20s, nullptr).ok());
  encoder_->hold();
  Seen seen;
  auto handle = client_->encode(request_of(7), seen.sink());
  wait_for_a_pass();
  handle->reset();
  EXPECT_FALSE(seen.wait().ok());
  client_.reset();
}

// A worker whose answers cannot be trusted is killed, and the request goes to its next life.
TEST_F(EncoderClientTest, KillsAWorkerThatBreaksTheProtocol) {
  auto liar = [](const std::shared_ptr<http::Exchange>& exchange) {
    exchange->respond(http::Response::json(200, R"({"data":[]})"));
  };
  std::atomic<int> kills = 0;
  http::Router router;
  router.add({http::Method::kPost, "/v1/embeddings", http::AuthClass::kPublic, 1 << 20, liar});
  router.add({http::Method::kGet, "/v1/models", http::AuthClass::kPublic, 0, [](const auto& exchange) {
                engine::EngineInfo info;
                info.vocab_size = info.context_tokens = 10;
                exchange->respond(http::Response::json(200, encode_info(info)));
              }});
  std::vector<std::shared_ptr<http::Exchange>> listeners;
  router.add({http::Method::kGet, "/pulse", http::AuthClass::kPublic, 0, [&](const auto& exchange) {
                exchange->begin(http::sse_head(), "");
                exchange->write(http::sse_event(encode_stats({})));
                listeners.push_back(exchange);
              }});
  http::ServerOptions options;
  options.listen = http::ListenAddress::unix_socket(socket_);
  options.handler_threads = 1;
  options.render_error = [](const http::Request&, int status, const Error& error) {
    return http::Response::json(status, encode_error(error));
  };
  auto server = http::Server::start(std::move(options), std::move(router));
  ASSERT_TRUE(server.ok()) << server.error().message();
  connect([&] { ++kills; });
  ASSERT_TRUE(client_->wait_until_ready(20s, nullptr).ok());
  Seen seen;
  auto handle = client_->encode(request_of(7), seen.sink());
  ASSERT_TRUE(handle.ok());
  const auto ended = seen.wait();
  ASSERT_FALSE(ended.ok());
  EXPECT_NE(ended.error().message().find("stopped twice"), std::string::npos) << ended.error().message();
  handle->reset();  // before the client that it is of
  client_.reset();
  EXPECT_GE(kills, 1);
}

}  // namespace
}  // namespace studio::inference
