#include "inference/encoder_server.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "engine/formats/model_digest.h"
#include "engine/formats/open_encoder.h"
#include "engine/kernels/kernel_set.h"
#include "http/server.h"
#include "inference/encoder_protocol.h"
#include "inference/encoder_queue.h"
#include "inference/pulse.h"
#include "inference/token_protocol.h"
#include "inference/worker_doors.h"

namespace studio::inference {
namespace {

using http::AuthClass;
using http::Exchange;
using http::Method;
using http::Response;
using ExchangePtr = std::shared_ptr<Exchange>;

// What a gateway asked for, until it is answered.
struct Asked {
  ExchangePtr exchange;
  std::string request_id;
  FlightRecorder::Lease record;
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  std::mutex mutex;
  std::optional<EncoderQueue::Id> id;  // guarded by mutex
  bool is_gone = false;                // guarded by mutex: the client left before id was known
};

class EncoderServer final : public WorkerServer {
 public:
  EncoderServer(LoadedEncoder& loaded, FlightRecorder* recorder)
      : info_(loaded.info), recorder_(recorder), queue_(*loaded.encoder, *loaded.pool, loaded.max_requests) {}
  ~EncoderServer() override { drain(std::chrono::milliseconds(0)); }

  Status listen(const std::string& socket_path) {
    http::Router router;
    // The socket's file mode (0600) is the door: whoever may connect may ask.
    router.add({Method::kPost, "/v1/embeddings", AuthClass::kPublic, kMaxProtocolBytes,
                [this](ExchangePtr exchange) { encode(std::move(exchange)); }});
    router.add({Method::kGet, "/v1/models", AuthClass::kPublic, 0,
                [this](const ExchangePtr& exchange) { exchange->respond(Response::json(200, encode_info(info_))); }});
    router.add({Method::kGet, "/health", AuthClass::kPublic, 0, [this](const ExchangePtr& exchange) {
                  exchange->respond(Response::json(200, encode_stats(queue_.stats())));
                }});
    router.add({Method::kGet, "/pulse", AuthClass::kPublic, 0, [this](const ExchangePtr& exchange) {
                  const Status listens = pulse_.listen(exchange);
                  if (!listens.ok()) respond_error(*exchange, listens.error());
                }});
    STUDIO_TRY(server_, http::Server::start(worker_server_options(socket_path), std::move(router)));
    return Ok{};
  }

  void drain(std::chrono::milliseconds deadline) override {
    pulse_.end();  // nobody waits for a drain to end it
    if (server_) server_->drain(deadline);
  }

 private:
  void encode(ExchangePtr exchange) {
    auto request = decode_encode_request(exchange->request().body);
    if (!request.ok()) return respond_error(*exchange, request.error());
    auto asked = std::make_shared<Asked>();
    asked->exchange = std::move(exchange);
    asked->request_id = request->request_id;
    asked->exchange->on_gone([this, weak = std::weak_ptr(asked)] {
      if (auto left = weak.lock()) cancel(*left);
    });
    if (recorder_ != nullptr) {
      TokenRequest noted;
      noted.request_id = request->request_id;
      noted.sequence.prompt = request->texts.front().ids;
      asked->record = recorder_->begin(noted);
    }
    const size_t texts = request->texts.size();
    std::unique_lock lock(asked->mutex);
    auto id =
        queue_.submit(std::move(*request), [asked, texts](Result<Encoded> encoded) { answer(*asked, texts, encoded); });
    if (!id.ok()) return respond_error(*asked->exchange, id.error());
    asked->id = *id;
    const bool is_gone = asked->is_gone;
    lock.unlock();
    if (is_gone) queue_.cancel(*id);
  }

  // On the queue's thread: some milliseconds for the largest, beside the seconds that it took.
  static void answer(Asked& asked, size_t texts, const Result<Encoded>& encoded) {
    asked.record.release();
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - asked.begun);
    log::info("texts.encoded", {{"request_id", asked.request_id},
                                {"texts", texts},
                                {"prompt_tokens", encoded.ok() ? encoded->prompt_tokens : 0},
                                {"finish_reason", encoded.ok() ? "stop" : "error"},
                                {"ms", took.count()}});
    if (!encoded.ok()) return respond_error(*asked.exchange, encoded.error());
    asked.exchange->respond(Response::json(200, encode_encoded(*encoded)));
  }

  void cancel(Asked& asked) {
    std::unique_lock lock(asked.mutex);
    asked.is_gone = true;
    const auto id = asked.id;
    lock.unlock();
    if (id) queue_.cancel(*id);
  }

  const engine::EngineInfo info_;
  FlightRecorder* const recorder_;  // may be nullptr
  EncoderQueue queue_;
  Pulse pulse_{[this] { return queue_.stats(); }};
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Result<LoadedEncoder> load_encoder(const engine::EngineOptions& options) {
  LoadedEncoder loaded;
  STUDIO_TRY(const engine::KernelSet* kernels, engine::kernels_of(options.kernels));
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  loaded.pool = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : cores);
  STUDIO_TRY(auto source, engine::open_encoder(options.model_path));
  const std::string digest = engine::model_digest(source);
  STUDIO_TRY(loaded.encoder, engine::Encoder::load(std::move(source), *kernels, *loaded.pool));
  const engine::EncoderConfig& config = loaded.encoder->config();
  loaded.info = {.architecture = config.architecture,
                 .name = config.name,
                 .digest = digest,
                 .numerics_class = kEncoderNumerics,
                 .kernels = kernels->name,
                 .vocab_size = config.vocab,
                 .context_tokens = config.context_tokens,
                 .threads = loaded.pool->threads(),
                 .max_sequences = static_cast<int>(engine::kMaxEncoderTexts),
                 .weight_bytes = loaded.encoder->weight_bytes(),
                 .parameters = 0,
                 .no_prefix_file = {}};
  loaded.max_requests = static_cast<size_t>(std::max(1, options.max_sequences + options.max_queue));
  return loaded;
}

Result<std::unique_ptr<WorkerServer>> start_encoder_server(LoadedEncoder& loaded, const std::string& socket_path,
                                                           FlightRecorder* recorder) {
  auto server = std::make_unique<EncoderServer>(loaded, recorder);
  STUDIO_CHECK_OK(server->listen(socket_path));
  return std::unique_ptr<WorkerServer>(std::move(server));
}

}  // namespace studio::inference
