#include "engine/schedule/held_answer.h"

#include <string>

namespace studio::engine {
namespace {

// Of a text that must come, guessed at once: some dozen tokens, more than a step has free columns for.
constexpr size_t kMostForcedBytes = 96;

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
  if (part_ == Part::kReasoning) return !shared_->vocabulary->tokens->is_end(id);
  if (part_ == Part::kStart && id == begin_reasoning_ && id >= 0) return true;
  std::scoped_lock lock(shared_->mutex);
  return matcher_->allows(id);
}

std::span<const uint64_t> HeldAnswer::mask() {
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
  if (part_ == Part::kStart && id == begin_reasoning_ && id >= 0) {
    part_ = Part::kReasoning;
    return;
  }
  if (part_ == Part::kReasoning) {
    if (id == end_reasoning_) part_ = Part::kAnswer;
    return;
  }
  part_ = Part::kAnswer;
  std::scoped_lock lock(shared_->mutex);
  matcher_->accept(id);
}

bool HeldAnswer::is_complete() const {
  if (part_ != Part::kAnswer) return false;
  std::scoped_lock lock(shared_->mutex);
  return matcher_->is_complete();
}

// The last token of the text may be the beginning of a longer one, unless the text is the last there is.
std::vector<TokenId> HeldAnswer::forced() const {
  const auto& encode = shared_->vocabulary->encode;
  if (part_ == Part::kReasoning || (part_ == Part::kStart && begin_reasoning_ >= 0) || !encode) return {};
  std::string text;
  bool is_whole = false;
  {
    std::scoped_lock lock(shared_->mutex);
    text = matcher_->forced_text(kMostForcedBytes);
    if (text.empty()) return {};
    constrain::Matcher ahead = *matcher_;
    is_whole = ahead.accept_text(text) && ahead.is_complete();
  }
  std::vector<TokenId> ids = encode(text);
  if (!is_whole && !ids.empty()) ids.pop_back();
  return ids;
}

}  // namespace studio::engine
