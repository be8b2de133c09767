#include "engine/schedule/held_answer.h"

#include <chrono>
#include <string>

namespace studio::engine {
namespace {

// Of a text that must come, guessed at once: some dozen tokens, more than a step has free columns for.
constexpr size_t kMostLikelyBytes = 96;

class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - begun_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  Clock::time_point begun_ = Clock::now();
};

}  // namespace

HeldAnswer::HeldAnswer(const AnswerConstraint& constraint)
    : shared_(constraint.matchers),
      begin_reasoning_(constraint.begin_reasoning),
      end_reasoning_(constraint.end_reasoning),
      part_(constraint.is_open_reasoning ? Part::kReasoning : Part::kStart) {
  std::scoped_lock lock(shared_->mutex);
  matcher_ = shared_->pool.start();
}

bool HeldAnswer::allows(TokenId id) {
  const Stopwatch watch(spent_seconds_);
  if (part_ == Part::kReasoning) return !shared_->vocabulary->tokens->is_end(id);
  if (part_ == Part::kStart && id == begin_reasoning_ && id >= 0) return true;
  std::scoped_lock lock(shared_->mutex);
  return matcher_->allows(id);
}

std::span<const uint64_t> HeldAnswer::mask() {
  const Stopwatch watch(spent_seconds_);
  if (part_ == Part::kReasoning) return shared_->vocabulary->all_but_ends;
  {
    std::scoped_lock lock(shared_->mutex);
    mask_ = matcher_->mask();
  }
  if (part_ == Part::kAnswer || begin_reasoning_ < 0) return mask_->words();
  start_mask_.assign(mask_->words().begin(), mask_->words().end());
  const auto id = static_cast<size_t>(begin_reasoning_);
  if (id / 64 < start_mask_.size()) start_mask_[id / 64] |= uint64_t{1} << (id % 64);
  return start_mask_;
}

void HeldAnswer::accept(TokenId id) {
  const Stopwatch watch(spent_seconds_);
  if (part_ == Part::kStart && id == begin_reasoning_ && id >= 0) {
    part_ = Part::kReasoning;
    return;
  }
  if (part_ == Part::kReasoning) {
    if (id == end_reasoning_) part_ = Part::kAnswer;
    return;
  }
  part_ = Part::kAnswer;
  if (likely_ && (*likely_)[likely_come_] != id) likely_ = nullptr;
  if (likely_ && ++likely_come_ == likely_->size()) likely_ = nullptr;
  layout_.read(shared_->vocabulary->tokens->bytes(id));
  std::scoped_lock lock(shared_->mutex);
  // What was drawn was allowed; where it is not any more, as of a text from elsewhere, nothing follows it.
  if (!matcher_->accept(id)) matcher_->give_up();
}

bool HeldAnswer::is_complete() const {
  if (part_ != Part::kAnswer) return false;
  std::scoped_lock lock(shared_->mutex);
  return matcher_->is_complete();
}

std::span<const TokenId> HeldAnswer::likely() {
  const auto& encode = shared_->vocabulary->encode;
  if (part_ == Part::kReasoning || (part_ == Part::kStart && begin_reasoning_ >= 0) || !encode) return {};
  if (!likely_) {
    std::scoped_lock lock(shared_->mutex);
    likely_ = matcher_->likely_tokens(layout_, kMostLikelyBytes, encode);
    likely_come_ = 0;
  }
  if (likely_ && likely_->empty()) likely_ = nullptr;
  return likely_ ? std::span(*likely_).subspan(likely_come_) : std::span<const TokenId>();
}

}  // namespace studio::engine
