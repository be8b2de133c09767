#include "engine/schedule/held_answer.h"

#include "base/stopwatch.h"

namespace studio::engine {
namespace {

// Of a text that must come, guessed at once: some dozen tokens, more than a step has free columns for.
constexpr size_t kMostLikelyBytes = 96;

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
  if (begins_reasoning(part_, id)) return true;
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
  if (begins_reasoning(part_, id)) {
    part_ = Part::kReasoning;
    return;
  }
  if (part_ == Part::kReasoning) {
    if (id == end_reasoning_) part_ = Part::kAnswer;
    return;
  }
  if (std::exchange(part_, Part::kAnswer) == Part::kStart) start_mask_ = {};
  likely_come_ = likely_come_ < likely_.count && likely_.ids[likely_come_] == id ? likely_come_ + 1 : likely_.count;
  layout_.read(shared_->vocabulary->tokens->bytes(id));
  std::scoped_lock lock(shared_->mutex);
  // What was drawn was allowed; where it is not any more, as of a text from elsewhere, nothing follows it.
  if (!matcher_->accept(id)) matcher_->give_up();
  may_guess_ = matcher_->has_likely(layout_);
  is_complete_ = matcher_->is_complete();
}

// With the mutex held.
constrain::TextCuts::Cut HeldAnswer::guess(const constrain::Matcher& matcher,
                                           const constrain::JsonLayout& layout) const {
  return shared_->vocabulary->cuts->cut(matcher.likely_text(layout, kMostLikelyBytes));
}

std::span<const TokenId> HeldAnswer::likely() {
  if (is_free(part_)) return {};
  if (likely_come_ == likely_.count && may_guess_) {
    std::scoped_lock lock(shared_->mutex);
    likely_ = guess(*matcher_, layout_);
    likely_come_ = 0;
    may_guess_ = false;
  }
  return likely_.tokens().subspan(likely_come_);
}

HeldAnswer::Ahead HeldAnswer::look_ahead(std::span<const TokenId> ids, bool goes_on_behind) const {
  const constrain::Vocabulary& vocabulary = *shared_->vocabulary;
  Ahead ahead;
  Part part = part_;
  constrain::JsonLayout layout = layout_;
  std::scoped_lock lock(shared_->mutex);
  constrain::Matcher matcher = *matcher_;
  for (const TokenId id : ids) {
    if (begins_reasoning(part, id)) {
      part = Part::kReasoning;
    } else if (part == Part::kReasoning) {
      if (vocabulary.tokens->is_end(id)) break;
      if (id == end_reasoning_) part = Part::kAnswer;
    } else {
      if (!matcher.accept(id)) break;
      part = Part::kAnswer;
      layout.read(vocabulary.tokens->bytes(id));
    }
    ++ahead.fitting;
  }
  const bool is_asked = goes_on_behind || ahead.fitting < ids.size();
  if (is_asked && !is_free(part)) ahead.likely = guess(matcher, layout);
  return ahead;
}

}  // namespace studio::engine
