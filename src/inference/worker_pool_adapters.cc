// Adapters that come and go while workers run: a part of worker_pool.h.
#include <optional>

#include "inference/token_protocol.h"
#include "inference/worker_pool.h"

namespace studio::inference {

namespace {

constexpr size_t kMaxAnswerBytes = 64 * 1024;  // an error in words

}  // namespace

// The same asked of every worker; told once all have answered.
class WorkerPool::Round {
 public:
  Round(size_t workers, std::function<void(Status)> done) : left_(workers), done_(std::move(done)) {}

  // Nobody listening is no error: that worker gets its adapters when it comes up.
  void note(const Status& sent, int http_status, const std::string& body) {
    std::function<void(Status)> done;
    Status result = Ok{};
    {
      std::scoped_lock lock(mutex_);
      if (sent.ok()) has_answer_ = true;
      if (sent.ok() && http_status != 200 && !error_) error_ = decode_error(http_status, body);
      if (--left_ > 0) return;
      done = std::move(done_);
      if (error_) {
        result = *error_;
      } else if (!has_answer_) {
        result = Error(Code::kUnavailable, "No worker of the model answers now; try again.").with_param("model");
      }
    }
    done(std::move(result));
  }

 private:
  std::mutex mutex_;
  size_t left_;
  bool has_answer_ = false;
  std::optional<Error> error_;
  std::function<void(Status)> done_;
};

void WorkerPool::ask(http::Client& client, http::ClientRequest request, std::shared_ptr<Round> round) {
  struct Answer {
    int status = 0;
    std::string body;
  };
  auto answer = std::make_shared<Answer>();
  http::ClientEvents events;
  events.on_head = [answer](const http::ResponseHead& head) { answer->status = head.status; };
  events.on_data = [answer](std::string_view data) {
    if (answer->body.size() + data.size() <= kMaxAnswerBytes) answer->body += data;
  };
  events.on_end = [answer, round = std::move(round)](const Status& status) {
    round->note(status, answer->status, answer->body);
  };
  client.start(std::move(request), std::move(events));
}

// False: the links are going. They stay while the mutex is held.
bool WorkerPool::ask_each(std::vector<http::ClientRequest> requests, const std::shared_ptr<Round>& round) {
  std::scoped_lock lock(mutex_);
  if (is_stopping_) return false;
  for (size_t i = 0; i < workers_.size(); ++i) ask(workers_[i].link->client(), std::move(requests[i]), round);
  return true;
}

void WorkerPool::load_adapter(AdapterFile file, const std::function<void(Status)>& done) {
  auto bytes = read_adapter(file);
  if (!bytes.ok()) return done(std::move(bytes).error());
  const std::string digest = file.digest;
  // In the list first: a worker that comes up from here on is given it.
  if (!adapters_.add(std::move(file))) return done(Ok{});
  auto finished = [weak = weak_from_this(), digest, done](Status loaded) {
    auto pool = weak.lock();
    if (loaded.ok() || !pool) return done(std::move(loaded));
    pool->drop_adapter(digest, [done, loaded = std::move(loaded)] { done(loaded); });
  };
  std::vector<http::ClientRequest> requests;
  for (size_t i = 0; i < workers_.size(); ++i) requests.push_back(put_adapter(digest, *bytes));
  auto round = std::make_shared<Round>(workers_.size(), std::move(finished));
  if (!ask_each(std::move(requests), round)) done(Error(Code::kUnavailable, "The server is stopping."));
}

void WorkerPool::drop_adapter(const std::string& digest, const std::function<void()>& done) {
  adapters_.remove(digest);
  auto round = std::make_shared<Round>(workers_.size(), [done](const Status&) { done(); });
  const std::vector<http::ClientRequest> requests(workers_.size(), delete_adapter(digest));
  if (!ask_each(requests, round)) done();
}

}  // namespace studio::inference
