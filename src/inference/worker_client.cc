#include "inference/worker_client.h"

#include "inference/worker_pool.h"

namespace studio::inference {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// What the caller holds: letting go of it cancels.
class StreamHandle final : public TokenStream {
 public:
  explicit StreamHandle(StreamPtr stream) : stream_(std::move(stream)) {}
  ~StreamHandle() override { stream_->cancel(); }
  void cancel() override { stream_->cancel(); }

 private:
  StreamPtr stream_;
};

}  // namespace

WorkerClient::WorkerClient(WorkerClientOptions options) : pool_(std::make_shared<WorkerPool>(std::move(options))) {
  pool_->start();
}

WorkerClient::~WorkerClient() {
  pool_->stop();
}

void WorkerClient::expect_end() {
  pool_->expect_end();
}

Result<std::unique_ptr<TokenStream>> WorkerClient::generate(TokenRequest request, engine::TokenSink sink) {
  STUDIO_TRY(StreamPtr stream, pool_->take(std::move(request), std::move(sink)));
  return std::unique_ptr<TokenStream>(std::make_unique<StreamHandle>(std::move(stream)));
}

void WorkerClient::load_adapter(AdapterFile file, const std::function<void(Status)>& done) {
  pool_->load_adapter(std::move(file), done);
}

void WorkerClient::drop_adapter(const std::string& digest, const std::function<void()>& done) {
  pool_->drop_adapter(digest, done);
}

ModelStatus WorkerClient::status() const {
  return pool_->status();
}

const StreamLog& WorkerClient::log() const {
  return pool_->log;
}

Status WorkerClient::wait_until_ready(milliseconds deadline, const std::function<bool()>& give_up) {
  auto until = steady_clock::now() + deadline;
  while (!pool_->is_ready()) {
    if (give_up && give_up()) return Error(Code::kUnavailable, "The worker stopped before it answered.");
    if (steady_clock::now() >= until) {
      return Error(Code::kDeadlineExceeded, "The worker did not load its model in time.");
    }
    pool_->wait_for_change(milliseconds(50));
  }
  return Ok{};
}

}  // namespace studio::inference
