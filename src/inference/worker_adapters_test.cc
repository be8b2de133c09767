// Adapters of workers: given to each, also to one that was started anew, and taken back where one refuses.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>

#include "base/file.h"
#include "inference/fake_engine.h"
#include "inference/worker_client.h"
#include "inference/worker_server.h"

namespace studio::inference {
namespace {

using namespace std::chrono_literals;
using engine::TokenEvent;

struct Worker {
  std::string socket;
  std::unique_ptr<FakeEngine> engine;
  std::unique_ptr<WorkerServer> server;
};

class WorkerAdaptersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("studio_adapters_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    for (size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].socket = folder_ + "/" + std::to_string(i);
      serve(workers_[i]);
    }
  }
  void TearDown() override {
    client_.reset();
    for (Worker& worker : workers_) worker.server.reset();
    std::filesystem::remove_all(folder_);
  }

  static void serve(Worker& worker) {
    worker.server.reset();
    worker.engine = std::make_unique<FakeEngine>([](const auto&, int position) { return position; });
    auto server = WorkerServer::start(*worker.engine, worker.socket);
    ASSERT_TRUE(server.ok()) << server.error().message();
    worker.server = std::move(*server);
  }
  void connect(std::vector<AdapterFile> adapters = {}) {
    WorkerClientOptions options;
    options.name = "fake";
    options.adapters = std::move(adapters);
    for (const Worker& worker : workers_) options.workers.emplace_back().socket_path = worker.socket;
    client_ = std::make_unique<WorkerClient>(std::move(options));
    ASSERT_TRUE(client_->wait_until_ready(5s, nullptr).ok());
  }
  // A file under the folder; its digest is whatever the name is, as the engine is no real one.
  AdapterFile file(char name, const std::string& bytes = "factors") {
    AdapterFile made{std::string(64, name), folder_ + "/" + name};
    EXPECT_TRUE(write_file_atomically(made.path, bytes, 0600).ok());
    return made;
  }
  Status load(const AdapterFile& adapter) {
    std::promise<Status> done;
    client_->load_adapter(adapter, [&](const Status& status) { done.set_value(status); });
    return done.get_future().get();
  }
  void drop(const std::string& digest) {
    std::promise<void> done;
    client_->drop_adapter(digest, [&] { done.set_value(); });
    done.get_future().get();
  }
  // How a request with the adapter ends.
  TokenEvent ask(const std::string& digest) {
    TokenRequest request;
    request.request_id = "r";
    request.sequence.prompt = {1};
    request.sequence.max_new_tokens = 3;
    request.sequence.adapter = digest;
    std::promise<TokenEvent> end;
    auto stream = client_->generate(std::move(request), [&](const TokenEvent& event) {
      if (event.finish != engine::FinishReason::kNone) end.set_value(event);
    });
    EXPECT_TRUE(stream.ok());
    return end.get_future().get();
  }
  template <typename Done>
  static bool wait(Done done) {
    for (int i = 0; i < 1000 && !done(); ++i) std::this_thread::sleep_for(5ms);
    return done();
  }
  int held(size_t worker) const { return workers_[worker].engine->stats().adapters; }

  std::string folder_;
  std::array<Worker, 2> workers_;
  std::unique_ptr<WorkerClient> client_;
};

TEST_F(WorkerAdaptersTest, EveryWorkerGetsWhatIsAddedAndLosesWhatIsDropped) {
  connect();
  const AdapterFile adapter = file('a');
  EXPECT_EQ(ask(adapter.digest).finish, engine::FinishReason::kError);
  Status loaded = load(adapter);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(held(0), 1);
  EXPECT_EQ(held(1), 1);
  EXPECT_EQ(ask(adapter.digest).finish, engine::FinishReason::kLength);
  drop(adapter.digest);
  EXPECT_EQ(held(0) + held(1), 0);
  const TokenEvent end = ask(adapter.digest);
  ASSERT_TRUE(end.error.has_value());
  EXPECT_EQ(end.error->code(), Code::kNotFound);
}

TEST_F(WorkerAdaptersTest, WhatAWorkerRefusesNoneKeeps) {
  connect();
  Status refused = load(file('b', ""));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "an empty adapter");
  EXPECT_EQ(held(0) + held(1), 0);
  EXPECT_FALSE(load({std::string(64, 'c'), folder_ + "/nothing"}).ok());
}

TEST_F(WorkerAdaptersTest, AWorkerThatIsStartedAnewHasItsAdaptersBeforeItIsAsked) {
  const AdapterFile first = file('a'), second = file('b'), damaged = file('c', "");
  connect({first, damaged});
  ASSERT_TRUE(load(second).ok());
  for (Worker& worker : workers_) serve(worker);
  EXPECT_TRUE(wait([&] { return held(0) == 2 && held(1) == 2; }));
  EXPECT_EQ(ask(first.digest).finish, engine::FinishReason::kLength);
  EXPECT_EQ(ask(second.digest).finish, engine::FinishReason::kLength);
  EXPECT_EQ(ask(damaged.digest).finish, engine::FinishReason::kError);
}

}  // namespace
}  // namespace studio::inference
