#include "inference/worker_server.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "engine/lora/adapter_set.h"
#include "http/server.h"
#include "http/sse.h"
#include "inference/constraint_desk.h"
#include "inference/token_protocol.h"
#include "inference/worker_doors.h"

namespace studio::inference {
namespace {

using engine::FinishReason;
using engine::TokenEvent;
using http::AuthClass;
using http::Exchange;
using http::Method;
using http::Response;

const char* finish_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kNone:
      break;
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kError:
      return "error";
  }
  return "none";
}

// One sequence and the exchange that asked for it. What leaves for the client does so on the pump's thread.
struct Stream {
  std::shared_ptr<Exchange> exchange;
  std::string request_id;
  FlightRecorder::Lease record;  // until its end was written
  const std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  std::mutex mutex;
  std::optional<engine::Engine::SequenceId> id;  // guarded by mutex
  bool gone = false;                             // guarded by mutex: the client left before id was known
};

// Carries events from the scheduler's thread, which may not wait, to one that writes JSON; and beats the pulse there,
// so that a pulse says that events are carried too.
class EventPump {
 public:
  explicit EventPump(const engine::Engine& engine) : engine_(engine), thread_([this] { run(); }) {}
  ~EventPump() { stop(); }

  void push(std::shared_ptr<Stream> stream, const TokenEvent& event) {
    {
      std::scoped_lock lock(mutex_);
      waiting_.push_back({std::move(stream), event});
    }
    wake_.notify_one();
  }

  // Its first frame is on its way when it returns. Errors: overloaded where enough listen already.
  Status listen(const std::shared_ptr<Exchange>& exchange) {
    std::scoped_lock lock(mutex_);
    std::erase_if(listeners_, [](const auto& held) { return held->gone(); });
    if (listeners_.size() >= kMaxListeners || stopping_) {
      return Error(Code::kOverloaded, "Enough connections listen to the pulse already.");
    }
    exchange->begin(http::sse_head(), "");
    exchange->write(http::sse_event(encode_stats(engine_.stats())));
    listeners_.push_back(exchange);
    wake_.notify_one();
    return Ok{};
  }
  void end_pulse() {
    std::scoped_lock lock(mutex_);
    for (const auto& listener : listeners_) listener->finish();
    listeners_.clear();
  }
  // The engine is not looked at after it.
  void stop() {
    {
      std::scoped_lock lock(mutex_);
      if (stopping_) return;
      stopping_ = true;
    }
    end_pulse();
    wake_.notify_one();
    thread_.join();
  }

 private:
  struct Item {
    std::shared_ptr<Stream> stream;
    TokenEvent event;
  };
  static constexpr size_t kMaxListeners = 4;  // one gateway, one that just took over, and a curious person

  void run() {
    auto next_beat = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    while (true) {
      auto has_work = [this] { return stopping_ || !waiting_.empty(); };
      if (listeners_.empty()) {
        wake_.wait(lock, [&] { return has_work() || !listeners_.empty(); });
      } else {
        wake_.wait_until(lock, next_beat, has_work);
      }
      if (waiting_.empty() && stopping_) return;
      std::deque<Item> batch;
      batch.swap(waiting_);
      std::vector<std::shared_ptr<Exchange>> due;
      auto now = std::chrono::steady_clock::now();
      if (now >= next_beat) {
        next_beat = now + kPulseEvery;
        std::erase_if(listeners_, [](const auto& listener) { return listener->gone(); });
        due = listeners_;
      }
      lock.unlock();
      for (Item& item : batch) write(item);
      batch.clear();
      for (const auto& listener : due) listener->write(http::sse_event(encode_stats(engine_.stats())));
      lock.lock();
    }
  }

  static void write(const Item& item) {
    Exchange& exchange = *item.stream->exchange;
    if (item.event.id >= 0) item.stream->record.note_token();
    exchange.write(http::sse_event(encode_event(item.stream->request_id, item.event)));
    if (item.event.finish == FinishReason::kNone) return;
    item.stream->record.release();
    log_end(*item.stream, item.event);
    exchange.write(http::sse_event("[DONE]"));
    exchange.finish();
  }

  static void log_end(const Stream& stream, const TokenEvent& event) {
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - stream.begun);
    log::info("sequence.ended", {{"request_id", stream.request_id},
                                 {"finish_reason", finish_name(event.finish)},
                                 {"prompt_tokens", event.usage.prompt_tokens},
                                 {"completion_tokens", event.usage.generated_tokens},
                                 {"ms", took.count()}});
  }

  const engine::Engine& engine_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> waiting_;
  std::vector<std::shared_ptr<Exchange>> listeners_;
  bool stopping_ = false;
  std::thread thread_;
};

class WorkerServerImpl final : public WorkerServer {
 public:
  WorkerServerImpl(engine::Engine& engine, FlightRecorder* recorder) : engine_(engine), recorder_(recorder) {}
  ~WorkerServerImpl() override {
    drain(std::chrono::milliseconds(0));
    pump_->stop();  // the engine may go before the last of its sinks lets go of the pump
  }

  Status listen(const std::string& socket_path) {
    http::Router router;
    // The socket's file mode (0600) is the door: whoever may connect may ask.
    router.add({Method::kPost, "/v1/completions", AuthClass::kPublic, kMaxProtocolBytes,
                [this](std::shared_ptr<Exchange> exchange) { generate(std::move(exchange)); }});
    router.add({Method::kGet, "/v1/models", AuthClass::kPublic, 0, [this](const std::shared_ptr<Exchange>& exchange) {
                  exchange->respond(Response::json(200, encode_info(engine_.info())));
                }});
    router.add({Method::kGet, "/health", AuthClass::kPublic, 0, [this](const std::shared_ptr<Exchange>& exchange) {
                  exchange->respond(Response::json(200, encode_stats(engine_.stats())));
                }});
    router.add({Method::kGet, "/pulse", AuthClass::kPublic, 0, [this](const std::shared_ptr<Exchange>& exchange) {
                  Status listens = pump_->listen(exchange);
                  if (!listens.ok()) respond_error(*exchange, listens.error());
                }});
    router.add({Method::kPut, "/v1/adapters/{digest}", AuthClass::kPublic, engine::kMaxAdapterBytes,
                [this](const std::shared_ptr<Exchange>& exchange) { load_adapter(*exchange); }});
    router.add({Method::kDelete, "/v1/adapters/{digest}", AuthClass::kPublic, 0,
                [this](const std::shared_ptr<Exchange>& exchange) { drop_adapter(*exchange); }});
    STUDIO_TRY(server_, http::Server::start(worker_server_options(socket_path), std::move(router)));
    return Ok{};
  }

  void drain(std::chrono::milliseconds deadline) override {
    pump_->end_pulse();  // nobody waits for a drain to end it
    if (server_) server_->drain(deadline);
  }

 private:
  // On the handler's thread: what runs goes on meanwhile, what arrives waits.
  void load_adapter(Exchange& exchange) {
    const std::string digest(exchange.request().path_parameter("digest"));
    const std::string& body = exchange.request().body;
    auto begun = std::chrono::steady_clock::now();
    Status loaded = engine_.load_adapter(digest, {reinterpret_cast<const uint8_t*>(body.data()), body.size()});
    if (!loaded.ok()) return respond_error(exchange, loaded.error());
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
    log::info("adapter.loaded", {{"digest", digest}, {"bytes", body.size()}, {"ms", took.count()}});
    exchange.respond(Response::json(200, "{}"));
  }
  void drop_adapter(Exchange& exchange) {
    const std::string digest(exchange.request().path_parameter("digest"));
    if (!engine_.drop_adapter(digest)) {
      return respond_error(exchange, Error(Code::kNotFound, "the adapter is not here any more"));
    }
    log::info("adapter.dropped", {{"digest", digest}});
    exchange.respond(Response::json(200, "{}"));
  }

  void generate(std::shared_ptr<Exchange> exchange) {
    auto request = decode_request(exchange->request().body);
    if (!request.ok()) {
      respond_error(*exchange, request.error());
      return;
    }
    if (request->sequence.constraint) {
      auto matchers = constraints_.compile(request->sequence.constraint->spec);
      if (!matchers.ok()) return respond_error(*exchange, matchers.error());
      request->sequence.constraint->matchers = std::move(*matchers);
    }
    auto stream = std::make_shared<Stream>();
    stream->exchange = exchange;
    stream->request_id = request->request_id;
    exchange->on_gone([this, weak = std::weak_ptr(stream)] {
      if (auto left = weak.lock()) cancel(*left);
    });
    log::debug("sequence.begins", {{"request_id", request->request_id},
                                   {"prompt_tokens", request->sequence.prompt.size()},
                                   {"resumed_tokens", request->sequence.resume.size()},
                                   {"max_tokens", request->sequence.max_new_tokens}});
    if (recorder_) stream->record = recorder_->begin(*request);
    submit(stream, std::move(request->sequence));
  }

  void submit(const std::shared_ptr<Stream>& stream, engine::SequenceRequest sequence) {
    // Held until the head is on its way: the first event waits for it (a few microseconds of the scheduler's time).
    std::unique_lock lock(stream->mutex);
    auto id = engine_.submit(std::move(sequence), [pump = pump_, stream](const TokenEvent& event) {
      {
        std::scoped_lock until_begun(stream->mutex);
      }
      pump->push(stream, event);
    });
    if (!id.ok()) {
      respond_error(*stream->exchange, id.error());
      return;
    }
    stream->id = *id;
    stream->exchange->begin(http::sse_head(), std::string(http::kSseHeartbeat));
    Accepted accepted{.numerics_class = engine_.info().numerics_class, .model_digest = engine_.info().digest};
    stream->exchange->write(http::sse_event(encode_accepted(stream->request_id, accepted)));
    bool gone = stream->gone;
    lock.unlock();
    if (gone) engine_.cancel(*id);
  }

  void cancel(Stream& stream) {
    std::unique_lock lock(stream.mutex);
    stream.gone = true;
    auto id = stream.id;
    lock.unlock();
    if (id) engine_.cancel(*id);
  }

  engine::Engine& engine_;
  FlightRecorder* const recorder_;  // may be nullptr
  ConstraintDesk constraints_{engine_.source()};
  // Shared with the engine's sinks, which may outlive the server.
  const std::shared_ptr<EventPump> pump_ = std::make_shared<EventPump>(engine_);
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Result<std::unique_ptr<WorkerServer>> WorkerServer::start(engine::Engine& engine, const std::string& socket_path,
                                                          FlightRecorder* recorder) {
  auto server = std::make_unique<WorkerServerImpl>(engine, recorder);
  STUDIO_CHECK_OK(server->listen(socket_path));
  return std::unique_ptr<WorkerServer>(std::move(server));
}

}  // namespace studio::inference
