#include "inference/pulse.h"

#include <utility>

#include "http/sse.h"
#include "inference/token_protocol.h"

namespace studio::inference {
namespace {

constexpr size_t kMaxListeners = 4;  // one gateway, one that just took over, and a curious person

}  // namespace

Pulse::Pulse(std::function<engine::EngineStats()> stats) : stats_(std::move(stats)), thread_([this] { run(); }) {}

Pulse::~Pulse() {
  end();
  thread_.join();
}

Status Pulse::listen(const std::shared_ptr<http::Exchange>& exchange) {
  std::scoped_lock lock(mutex_);
  std::erase_if(listeners_, [](const auto& held) { return held->gone(); });
  if (listeners_.size() >= kMaxListeners || is_over_) {
    return Error(Code::kOverloaded, "Enough connections listen to the pulse already.");
  }
  exchange->begin(http::sse_head(), "");
  exchange->write(http::sse_event(encode_stats(stats_())));
  listeners_.push_back(exchange);
  wake_.notify_one();
  return Ok{};
}

void Pulse::end() {
  {
    std::scoped_lock lock(mutex_);
    is_over_ = true;
    for (const auto& listener : listeners_) listener->finish();
    listeners_.clear();
  }
  wake_.notify_one();
}

void Pulse::run() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    if (listeners_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_for(lock, kPulseEvery, [this] { return is_over_; });
    }
    std::erase_if(listeners_, [](const auto& listener) { return listener->gone(); });
    if (listeners_.empty()) continue;
    const std::string frame = http::sse_event(encode_stats(stats_()));
    for (const auto& listener : listeners_) listener->write(frame);
  }
}

}  // namespace studio::inference
