#include "inference/encoder_queue.h"

#include <algorithm>
#include <set>
#include <utility>

namespace studio::inference {

using std::chrono::steady_clock;

namespace {

double seconds_between(steady_clock::time_point from, steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

EncoderQueue::EncoderQueue(engine::Encoder& encoder, const ThreadPool& pool, size_t max_requests)
    : encoder_(encoder), pool_(pool), max_requests_(max_requests), thread_([this] { run(); }) {}

EncoderQueue::~EncoderQueue() {
  {
    std::scoped_lock lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  for (const JobPtr& job : jobs_) job->done(Error(Code::kCancelled, "The worker is stopping."));
}

Result<EncoderQueue::Id> EncoderQueue::submit(EncodeRequest request, EncodedSink done) {
  if (request.texts.empty()) return Error(Code::kInvalidArgument, "input must hold a text").with_param("input");
  STUDIO_CHECK_OK(encoder_.check(request.texts));  // or one that is wrong would spoil the pass of all
  if (request.is_fast && !encoder_.has_fast()) {
    return Error(Code::kInvalidArgument, "This model computes in the default class of numerics alone.")
        .with_param("numerics");
  }
  std::unique_lock lock(mutex_);
  const size_t texts = request.texts.size();
  if (jobs_.size() >= max_requests_ || waiting_texts_ + texts > kMaxWaitingTexts) {
    return Error(Code::kOverloaded, "Too many texts wait for this model already.")
        .with_retry_after(std::chrono::seconds(1));
  }
  auto job = std::make_shared<Job>();
  const int64_t tokens = count_tokens(request.texts);
  *job = {.id = ++last_id_,
          .tokens = tokens,
          .request = std::move(request),
          .done = std::move(done),
          .arrived = steady_clock::now(),
          .taken = 0,
          .values = {}};
  const Id id = job->id;
  jobs_.push_back(std::move(job));
  waiting_texts_ += texts;
  lock.unlock();
  wake_.notify_one();
  return id;
}

void EncoderQueue::cancel(Id id) {
  std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(jobs_, id, [](const JobPtr& job) { return job->id; });
  if (found == jobs_.end()) return;
  waiting_texts_ -= (*found)->request.texts.size() - (*found)->taken;
  (*found)->done = nullptr;
  jobs_.erase(found);
}

engine::EngineStats EncoderQueue::stats() const {
  std::scoped_lock lock(mutex_);
  engine::EngineStats stats = stats_;
  stats.running = static_cast<int>(in_pass_);
  stats.waiting = static_cast<int>(jobs_.size() - std::min(jobs_.size(), in_pass_));
  stats.progress = pool_.loops();
  if (stats_.steps > 0) {
    stats.last_token_age_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - last_end_).count();
  }
  return stats;
}

void EncoderQueue::run() {
  while (true) {
    std::vector<JobPtr> late;
    Pass pass;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_stopping_ || !jobs_.empty(); });
      if (is_stopping_) return;
      end_late(late);
      pass = next_pass();
    }
    for (const JobPtr& job : late) {
      job->done(Error(Code::kDeadlineExceeded, "The request's time was over before all of its texts were computed."));
    }
    if (!pass.texts.empty()) compute(pass);
  }
}

// With mutex_ held, as the next two.
void EncoderQueue::end_late(std::vector<JobPtr>& late) {
  const auto now = steady_clock::now();
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if ((*it)->request.deadline > now) {
      ++it;
      continue;
    }
    waiting_texts_ -= (*it)->request.texts.size() - (*it)->taken;
    late.push_back(std::move(*it));
    it = jobs_.erase(it);
  }
}

// A text of each request in turn until the pass is full; the first one goes in whatever its length. Requests of the
// other class of numerics wait for their turn.
EncoderQueue::Pass EncoderQueue::next_pass() {
  Pass pass;
  if (jobs_.empty()) return pass;
  pass.is_fast = jobs_.front()->request.is_fast;
  size_t tokens = 0;
  const auto now = steady_clock::now();
  for (bool has_more = true; has_more && tokens < kPassTokens;) {
    has_more = false;
    for (const JobPtr& job : jobs_) {
      if (job->request.is_fast != pass.is_fast || job->taken == job->request.texts.size()) continue;
      engine::EncoderText& text = job->request.texts[job->taken];
      if (tokens > 0 && tokens + text.ids.size() > kPassTokens) continue;
      if (job->taken == 0) stats_.queue_seconds.add(engine::kQueueSecondsBounds, seconds_between(job->arrived, now));
      tokens += text.ids.size();
      pass.texts.push_back(std::move(text));
      pass.owners.push_back(job);
      ++job->taken;
      --waiting_texts_;
      has_more = true;
    }
  }
  stats_.prompt_tokens += tokens;
  in_pass_ = std::set<JobPtr>(pass.owners.begin(), pass.owners.end()).size();
  // Whose turn it is next time: nobody may be the one for whom the pass was always full.
  if (jobs_.size() > 1) jobs_.splice(jobs_.end(), jobs_, jobs_.begin());
  return pass;
}

void EncoderQueue::compute(const Pass& pass) {
  const auto begun = steady_clock::now();
  const auto values = pass.is_fast ? encoder_.encode_fast(pass.texts) : encoder_.encode(pass.texts);
  note(pass, seconds_between(begun, steady_clock::now()));
  hand_out(pass, values);
}

void EncoderQueue::note(const Pass& pass, double seconds) {
  std::scoped_lock lock(mutex_);
  ++stats_.steps;
  stats_.batch_sizes.add(engine::kBatchSizeBounds, static_cast<double>(pass.texts.size()));
  stats_.step_seconds.add(engine::kStepSecondsBounds, seconds);
  last_end_ = steady_clock::now();
  in_pass_ = 0;
}

void EncoderQueue::hand_out(const Pass& pass, const Result<std::vector<float>>& values) {
  std::vector<std::pair<JobPtr, Result<Encoded>>> ended;
  const auto width = static_cast<size_t>(encoder_.config().width());
  {
    std::scoped_lock lock(mutex_);
    for (size_t i = 0; i < pass.texts.size(); ++i) {
      const JobPtr& job = pass.owners[i];
      if (!job->done) continue;
      if (!values.ok()) {
        if (std::ranges::find(ended, job, [](const auto& entry) { return entry.first; }) == ended.end()) {
          ended.emplace_back(job, values.error());
        }
        continue;
      }
      job->values.insert(job->values.end(), values->begin() + static_cast<ptrdiff_t>(i * width),
                         values->begin() + static_cast<ptrdiff_t>((i + 1) * width));
      if (job->values.size() < job->request.texts.size() * width) continue;
      ended.emplace_back(job,
                         Encoded{.values = std::move(job->values),
                                 .width = width,
                                 .prompt_tokens = job->tokens,
                                 .numerics_class = job->request.is_fast ? kFastEncoderNumerics : kEncoderNumerics});
    }
    for (const auto& [job, result] : ended) jobs_.remove(job);
  }
  for (auto& [job, result] : ended) job->done(std::move(result));
}

}  // namespace studio::inference
