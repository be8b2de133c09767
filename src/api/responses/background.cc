#include "api/responses/background.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/responses/context.h"
#include "api/responses/parse.h"
#include "api/serving/answer.h"
#include "base/json.h"
#include "base/log.h"
#include "base/stop_signals.h"

namespace studio::api::responses {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kRetryAfter{1};     // what refused for now has moved on by then
constexpr std::chrono::hours kSweepEvery{1};       // of what is too old to be kept
constexpr size_t kMaxPendingBytes = 512ull << 20;  // a body and a context of items, as JSON in JSON

bool is_for_now(const Error& error) {
  return error.code() == Code::kOverloaded || error.code() == Code::kQuotaExceeded ||
         error.code() == Code::kUnavailable;
}

// What was made in vain before a stop is made again and recorded then.
class UnlessInterrupted final : public inference::UsageSink {
 public:
  UnlessInterrupted(std::shared_ptr<inference::UsageSink> sink, std::shared_ptr<Running> running)
      : sink_(std::move(sink)), running_(std::move(running)) {}
  Status record(const inference::UsageRecord& record) override {
    // What failed with nothing said is tried again or tells nothing: a record here would keep out that of the next try.
    const bool is_nothing = record.outcome == "error" && record.completion_tokens == 0;
    return running_->is_interrupted() || is_nothing ? Status(Ok{}) : sink_->record(record);
  }

 private:
  const std::shared_ptr<inference::UsageSink> sink_;
  const std::shared_ptr<Running> running_;
};

struct Pending {
  std::string body, request_id;
  uint64_t seed = 0;
  json::array items;
};

Result<Pending> read_pending(const std::string& text) {
  const Error damaged(Code::kInternal, "The stored request cannot be read.");
  STUDIO_TRY(json::value value, parse_json(text, {.bytes = kMaxPendingBytes}));
  json::object* object = value.if_object();
  if (!object) return damaged;
  const json::value* body = object->if_contains("body");
  const json::value* id = object->if_contains("request_id");
  const json::value* seed = object->if_contains("seed");
  json::value* items = object->if_contains("items");
  if (!body || !id || !seed || !items || !body->is_string() || !id->is_string() || !seed->is_string() ||
      !items->is_array()) {
    return damaged;
  }
  return Pending{std::string(body->get_string()), std::string(id->get_string()),
                 std::strtoull(seed->get_string().c_str(), nullptr, 10), std::move(items->get_array())};
}

}  // namespace

// Takes what the answer says and hands it to the one that runs; nothing is written.
class Background::Recorder final : public AnswerWriter {
 public:
  Recorder(std::weak_ptr<Background> owner, std::shared_ptr<Running> running, std::weak_ptr<DetachedExchange> exchange,
           std::function<void(std::function<void()>)> post)
      : owner_(std::move(owner)),
        running_(std::move(running)),
        exchange_(std::move(exchange)),
        post_(std::move(post)) {}

  http::Response stream_head() const override { return {}; }
  std::string heartbeat() const override { return ""; }
  std::string opening() override {
    running_->start();
    return "";
  }
  std::string pieces(const inference::ChoiceDelta& delta) override {
    if (running_->add(delta) == Running::Room::kFull) {
      // Not from here: the generation is in the middle of telling us.
      post_([exchange = exchange_] {
        if (auto running = exchange.lock()) running->leave();
      });
    }
    return "";
  }
  std::string ending(const AnswerEnd& end) override {
    running_->end(end.generation);
    return "";
  }
  std::string failure(const Error& error) override {
    running_->fail(error);
    return "";
  }
  http::Response whole(const std::vector<ChoiceAnswer>&, const AnswerEnd&) override { return {}; }
  http::Response refusal(const Error& error) override {
    if (auto owner = owner_.lock()) owner->refused(running_, error);
    return {};
  }

 private:
  const std::weak_ptr<Background> owner_;
  const std::shared_ptr<Running> running_;
  const std::weak_ptr<DetachedExchange> exchange_;
  const std::function<void(std::function<void()>)> post_;
};

std::shared_ptr<Background> Background::start(Services services, std::shared_ptr<Shelf> shelf) {
  std::shared_ptr<Background> background(new Background(std::move(services), std::move(shelf)));
  StopSignalsBlocked in_the_new_thread;
  background->thread_ = std::thread([self = background.get()] { self->loop(); });
  return background;
}

Status Background::take_up() {
  STUDIO_TRY(auto all, shelf_->unfinished());
  for (Kept& kept : all) add(kept.key_id, std::move(kept.record), std::move(kept.input));
  if (!all.empty()) log::info("responses.taken_up", {{"responses", all.size()}});
  return Ok{};
}

void Background::stop() {
  std::vector<Job> left;
  {
    std::scoped_lock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  {
    // Only now: what the thread was beginning has its exchange.
    std::scoped_lock lock(mutex_);
    for (auto& [id, job] : jobs_) left.push_back(job);
  }
  for (const Job& job : left) job.running->interrupt();
  for (const Job& job : left) {
    if (job.exchange) job.exchange->leave();
  }
}

json::object Background::pending_of(const std::string& body, const std::string& request_id, uint64_t seed,
                                    const json::array& items) {
  return {{"body", body}, {"request_id", request_id}, {"seed", std::to_string(seed)}, {"items", items}};
}

Status Background::check_room(const std::string& key_id) const {
  std::scoped_lock lock(mutex_);
  const auto of_key = std::count_if(jobs_.begin(), jobs_.end(),
                                    [&](const auto& job) { return job.second.running->key_id() == key_id; });
  if (static_cast<size_t>(of_key) < kMaxOfKey) return Ok{};
  return Error(Code::kQuotaExceeded, "This key has " + std::to_string(kMaxOfKey) +
                                         " responses in the background, which is as many as it may; wait for some.");
}

std::shared_ptr<Running> Background::add(const std::string& key_id, Record record, json::array input) {
  const std::string id = record.id;
  auto keep = [owner = weak_from_this(), shelf = shelf_, input = std::move(input)](const Record& ended) -> Status {
    Status kept = shelf->finish(ended, input);
    if (auto self = owner.lock()) self->remove(ended.id);
    return kept;
  };
  auto running = std::make_shared<Running>(key_id, std::move(record), std::move(keep));
  {
    std::scoped_lock lock(mutex_);
    jobs_[id] = {.running = running};
    order_.push_back(id);
  }
  changed_.notify_all();
  return running;
}

std::shared_ptr<Running> Background::find(const std::string& response_id) const {
  std::scoped_lock lock(mutex_);
  const auto found = jobs_.find(response_id);
  return found == jobs_.end() ? nullptr : found->second.running;
}

void Background::cancel(const std::string& response_id) {
  std::unique_lock lock(mutex_);
  const auto found = jobs_.find(response_id);
  if (found == jobs_.end()) return;
  const Job job = found->second;
  job.running->mark_cancelled();
  // Nobody starts it any more: the queue may name what is gone.
  if (!job.is_started) jobs_.erase(found);
  lock.unlock();
  if (!job.is_started) return job.running->fail(Error(Code::kCancelled, "It was cancelled."));
  if (job.exchange) job.exchange->leave();
}

void Background::loop() {
  auto next_sweep = steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    const auto now = steady_clock::now();
    if (now >= next_sweep) {
      next_sweep = now + kSweepEvery;
      lock.unlock();
      if (Status swept = shelf_->remove_expired(); !swept.ok()) {
        log::warn("responses.sweep_failed", {{"why", swept.error().message()}});
      }
      lock.lock();
      continue;
    }
    if (Job* job = next_due(now)) {
      job->is_started = true;
      const std::shared_ptr<Running> running = job->running;
      lock.unlock();
      make(running);
      lock.lock();
    } else if (order_.empty()) {
      changed_.wait_until(lock, next_sweep);
    } else {
      changed_.wait_for(lock, kRetryAfter);
    }
  }
}

size_t Background::started() const {
  return static_cast<size_t>(
      std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return job.second.is_started; }));
}

// The first in the queue whose time has come, taken out of it.
Background::Job* Background::next_due(steady_clock::time_point now) {
  std::erase_if(order_, [this](const std::string& id) { return !jobs_.contains(id); });
  if (started() >= kMaxAtOnce) return nullptr;
  const auto due =
      std::find_if(order_.begin(), order_.end(), [&](const std::string& id) { return jobs_[id].not_before <= now; });
  if (due == order_.end()) return nullptr;
  Job* job = &jobs_[*due];
  order_.erase(due);
  return job;
}

void Background::make(const std::shared_ptr<Running>& running) {
  if (Status made = try_make(running); !made.ok()) refused(running, made.error());
}

std::shared_ptr<DetachedExchange> Background::exchange_for(const std::shared_ptr<Running>& running,
                                                           std::string request_id) {
  auto exchange = std::make_shared<DetachedExchange>(std::move(request_id), running->key_id(), "/v1/responses");
  std::scoped_lock lock(mutex_);
  const auto found = jobs_.find(running->id());
  if (found == jobs_.end()) return nullptr;
  found->second.exchange = exchange;
  return exchange;
}

Status Background::try_make(const std::shared_ptr<Running>& running) {
  STUDIO_TRY(const Kept kept, shelf_->find(running->key_id(), running->id()));
  STUDIO_TRY(Pending pending, read_pending(kept.pending));
  STUDIO_TRY(ResponseCall call, parse_response(pending.body));
  call.generate.sampling.seed = pending.seed;
  STUDIO_TRY(const ServedModelPtr model, services_.models->find(kept.record.model, ModelKind::kText));
  const inference::ChatPrompt chat = make_prompt(call, pending.items);
  STUDIO_TRY(inference::Prompt prompt, model->text->prepare_chat(chat));
  const auto exchange = exchange_for(running, std::move(pending.request_id));
  if (!exchange || running->is_cancelled()) return Error(Code::kCancelled, "It was cancelled.");
  inference::GenerationRequest request = to_generation(services_, call.generate, *exchange);
  add_structure(*model->text, chat, call.generate, request);
  request.prompts.push_back(std::move(prompt));
  request.adapter = model->adapter;
  Services services = services_;
  services.usage = std::make_shared<UnlessInterrupted>(services_.usage, running);
  services.kept = nullptr;  // what is kept of it is who reads it, not how it is made
  AnswerOptions options{.writer = std::make_unique<Recorder>(weak_from_this(), running, exchange, services_.post),
                        .operation = "responses",
                        .is_stream = true,
                        .ignored = {},
                        .degraded = {}};
  answer(exchange, services, model, std::move(request), std::move(options));
  return Ok{};
}

void Background::refused(const std::shared_ptr<Running>& running, const Error& error) {
  if (running->is_interrupted()) return;
  if (is_for_now(error) && !running->is_cancelled()) return put_back(running->id());
  running->fail(error);
  remove(running->id());  // also one that is no longer on the shelf
}

void Background::put_back(const std::string& response_id) {
  {
    std::scoped_lock lock(mutex_);
    const auto found = jobs_.find(response_id);
    if (found == jobs_.end()) return;
    found->second.is_started = false;
    found->second.exchange = nullptr;
    found->second.not_before = steady_clock::now() + kRetryAfter;
    order_.push_back(response_id);
  }
  changed_.notify_all();
}

void Background::remove(const std::string& response_id) {
  {
    std::scoped_lock lock(mutex_);
    jobs_.erase(response_id);
  }
  changed_.notify_all();
}

}  // namespace studio::api::responses
