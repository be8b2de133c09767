#include "engine/schedule/draft_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace studio::engine {
namespace {

// The last token's answer weighs a tenth; and where nothing is drafted any more, hope comes back in some five hundred
// tokens, as texts change. A sequence that ended tells a fifth of what the next one may hope for.
constexpr float kHopeWeight = 0.1f, kHopeReturns = 0.002f, kEndedWeight = 0.2f;
// The same of how fast a sequence is without it, and of what a pass takes.
constexpr double kSpeedWeight = 0.1;
constexpr double kPriceWeight = 0.1, kPriceReturns = 0.002;
constexpr double kOutlier = 4;  // no single pass counts for more than this many of the usual ones
// Estimates against a certain cost, as in draft_plan.cc.
constexpr double kMargin = 1.05;
// Of its own draws it gives one of these chances at most, and so often such a one comes at first. Numbers shared, draws
// agree more often than their chance alone would have it.
constexpr std::array<float, 5> kSure = {0.3f, 0.5f, 0.7f, 0.9f, 1.0f}, kPrior = {0.4f, 0.5f, 0.65f, 0.8f, 0.93f};
constexpr float kPriorWeight = 2, kFade = 0.98f;  // some fifty draws are remembered
// Of tokens that it does not have: never drawn, and still a number.
constexpr float kNeverDrawn = -1e9f;

}  // namespace

DraftModel::DraftModel(std::unique_ptr<Model> model, PagePool pages, int vocab, double weights,
                       std::function<Clock::time_point()> now)
    : model_(std::move(model)),
      pages_(std::move(pages)),
      weights_(weights),
      price_(weights),
      now_(std::move(now)),
      sampler_(vocab),
      logits_(kSequences * static_cast<size_t>(model_->config().vocab)),
      row_(static_cast<size_t>(vocab)) {
  model_->use_pages(&pages_);
}

Result<std::unique_ptr<DraftModel>> DraftModel::create(std::unique_ptr<Model> model, int vocab, double weights,
                                                       std::function<Clock::time_point()> now) {
  STUDIO_TRY(PagePool pages, PagePool::create(model->kv_shape(), kSequences * pages_for(kWindow + kLongestDraft)));
  return std::unique_ptr<DraftModel>(
      new DraftModel(std::move(model), std::move(pages), vocab, weights, std::move(now)));
}

DraftModel::State& DraftModel::state_of(const Sequence& sequence) {
  const auto [found, is_new] = states_.try_emplace(sequence.id, &pages_, hope_);
  State& state = found->second;
  if (is_new) {
    state.sampling = sequence.request.sampling;
    state.sampling.logprobs = true;  // the chance of what it draws
    state.sampling.top_logprobs = 0;
    state.loan = std::min(kLoan, savings_);
    savings_ -= state.loan;
  }
  return state;
}

void DraftModel::forget(uint64_t id) {
  const auto found = states_.find(id);
  if (found == states_.end()) return;
  const State& state = found->second;
  hope_ += kEndedWeight * (state.hope - hope_);
  savings_ = std::min(kMostLent, savings_ + std::max(0.0, state.loan + state.balance));
  states_.erase(found);
}

void DraftModel::learn(State& state, std::span<const TokenId> ids) {
  if (state.draft.empty()) state.hope += kHopeReturns * (kFirstHope - state.hope);
  for (size_t i = 0; i < state.draft.size() && state.drafted_at + i < ids.size(); ++i) {
    const bool came = state.draft[i] == ids[state.drafted_at + i];
    state.hope += kHopeWeight * ((came ? 1.0f : 0.0f) - state.hope);
    Count& count = counts_[state.sureness[i]];
    count.tried = count.tried * kFade + 1;
    count.came = count.came * kFade + (came ? 1.0f : 0.0f);
    if (!came) break;
  }
  state.drafted_at = ids.size();
  state.draft.clear();
  state.sureness.clear();
  state.chances.clear();
  state.reach = state.tokens = 1;
  state.goes_on = true;
}

void DraftModel::settle(const Sequence& sequence, int sequences, int fed, int came, const PassCost& cost) {
  const auto found = states_.find(sequence.id);
  if (found == states_.end()) return;
  State& state = found->second;
  const Prices prices(cost, sequences, price_);
  state.time += prices.pass + prices.columns(fed);
  if (std::exchange(state.is_own, false)) {
    state.balance += came * prices.pass - prices.columns(fed) - state.looked_up;
  } else {
    const double speed = (1 + came) * prices.pass / (prices.pass + prices.columns(fed));
    state.lately += kSpeedWeight * (speed - state.lately);
  }
}

// A column more is taken to cost the same share of a pass in both models. Where passes were dear by chance, as another
// program had the cores, none would be tried again: the price goes back to what both read from memory.
void DraftModel::charge(int columns, double seconds, const PassCost& cost) {
  if (cost.seconds() <= 0) return;
  const double price = std::min(seconds / (cost.of(columns) * cost.seconds()), kOutlier * price_);
  price_ += kPriceWeight * (price - price_);
  size_t run = 0;
  for (const Asked& asked : asked_) {
    if (run == runs_.size() || runs_[run].sequence != &asked.state->kv) continue;
    const double share = static_cast<double>(runs_[run++].tokens.size()) / columns;
    asked.state->balance -= price * cost.of(columns) * share;
  }
}

// Whether its guess seems better than what was looked up, or none, and what has to be read first may be lost.
bool DraftModel::may_begin(State& state, const DraftOffer& offer, int to_read, const Prices& prices) const {
  if (state.kv.length() == 0 && offer.most < kLeastRest) return false;
  double rate = std::max(1.0, state.lately) / prices.pass, reach = 1, tokens = 1;
  state.looked_up = 0;
  for (int i = 0; i < std::min(offer.most, static_cast<int>(offer.chances.size())); ++i) {
    reach *= offer.chances[static_cast<size_t>(i)];
    tokens += reach;
    if (tokens / (prices.pass + prices.columns(i + 1)) <= rate) continue;
    rate = tokens / (prices.pass + prices.columns(i + 1));
    state.looked_up = (tokens - 1) * prices.pass - prices.columns(i + 1);
  }
  bool is_better = false;
  reach = tokens = 1;
  for (int i = 1; i <= std::min(offer.most, kLongestDraft) && !is_better; ++i) {
    reach *= state.hope;
    tokens += reach;
    is_better = tokens / (prices.pass + prices.columns(i) + i * prices.guess) > kMargin * rate;
  }
  const double may_be_lost = state.balance + state.loan + kMostLoss * state.time;
  return is_better && price_ * prices.cost.of(to_read) <= may_be_lost;
}

// Passes of both models are shared by the sequences that decode; a column of the large one is a draft's own.
bool DraftModel::is_worth_a_pass(const State& state, const Prices& prices) const {
  const int drafts = static_cast<int>(state.draft.size());
  const double more = prices.columns(drafts + 1) - prices.columns(drafts) + prices.guess;
  const double spent = prices.pass + prices.columns(drafts) + prices.guess * drafts;
  return state.reach * state.hope > kMargin * more * state.tokens / spent;
}

// How many tokens it has to read before its first guess: what it has not read of the ids, the last one at least, as its
// logits are wanted.
int DraftModel::prepare(State& state, std::span<const TokenId> ids) {
  if (state.fed.empty() || ids.size() - state.begin > kWindow) {
    state.begin = ids.size() - std::min<size_t>(ids.size(), kContext);
    state.fed.clear();
  }
  const std::span<const TokenId> wanted = ids.subspan(state.begin);
  const auto same = static_cast<size_t>(std::ranges::mismatch(state.fed, wanted).in1 - state.fed.begin());
  state.kv.truncate(static_cast<int>(std::min({same, wanted.size() - 1, static_cast<size_t>(state.kv.length())})));
  if (state.begin + static_cast<size_t>(state.kv.length()) + kContext < ids.size()) {  // it was not asked for long
    state.begin = ids.size() - kContext;
    state.kv.truncate(0);
  }
  state.fed.assign(ids.begin() + static_cast<ptrdiff_t>(state.begin), ids.end());
  return static_cast<int>(state.fed.size()) - state.kv.length();
}

// What it reads next: the rest of the ids, or its own last guess. Empty: it cannot.
std::span<const TokenId> DraftModel::next_tokens(State& state) {
  if (!state.draft.empty()) state.fed.push_back(state.draft.back());
  const auto tokens = std::span<const TokenId>(state.fed).subspan(static_cast<size_t>(state.kv.length()));
  const int vocab = model_->config().vocab;  // where the large one's has more rows, they are not tokens of its own
  const bool knows_all = std::ranges::all_of(tokens, [&](TokenId id) { return id < vocab; });
  if (!knows_all || !state.kv.reserve(static_cast<int>(state.fed.size()))) return {};
  return tokens;
}

// There are pages for kSequences; who is not asked for reads anew when its turn comes.
void DraftModel::let_others_go() {
  if (states_.size() <= kSequences) return;
  for (auto& [id, state] : states_) {
    if (std::ranges::find(asked_, &state, &Asked::state) != asked_.end()) continue;
    state.kv.release();
    state.fed.clear();
  }
}

void DraftModel::draft(std::span<Sequence* const> sequences, std::span<DraftOffer> offers, const PassCost& cost,
                       bool always) {
  asked_.clear();
  for (size_t i = 0; i < sequences.size(); ++i) {
    asked_.push_back({sequences[i], &offers[i], &state_of(*sequences[i])});
  }
  let_others_go();
  const Prices prices(cost, static_cast<int>(sequences.size()), price_);
  for (const auto& [sequence, offer, state] : asked_) {
    learn(*state, sequence->ids);
    const int to_read = prepare(*state, sequence->ids);
    const bool may_guess = sequence->request.guesses == Guesses::kAll;
    state->goes_on = may_guess && (always || may_begin(*state, *offer, to_read, prices));
  }
  for (int pass = 0; pass < kLongestDraft; ++pass) {
    bool is_any = false;
    for (const auto& [sequence, offer, state] : asked_) {
      state->goes_on = state->goes_on && pass < offer->most && (always || pass == 0 || is_worth_a_pass(*state, prices));
      is_any = is_any || state->goes_on;
    }
    if (!is_any) {
      if (pass == 0) price_ += kPriceReturns * (weights_ - price_);
      break;
    }
    run_pass(cost);
  }
  for (const auto& [sequence, offer, state] : asked_) {
    state->is_own = !state->draft.empty();
    if (!state->is_own) continue;
    sequence->draft = state->draft;
    offer->chances = state->chances;
  }
}

void DraftModel::run_pass(const PassCost& cost) {
  const Clock::time_point begun = now_();
  runs_.clear();
  size_t room = kPassTokens;
  for (const auto& [sequence, offer, state] : asked_) {
    if (!state->goes_on) continue;
    const std::span<const TokenId> all = next_tokens(*state);
    const std::span<const TokenId> tokens = all.first(std::min(all.size(), room));
    state->is_read = tokens.size() == all.size();
    state->goes_on = !tokens.empty();
    if (!state->goes_on) continue;
    room -= tokens.size();
    runs_.push_back({&state->kv, tokens, state->is_read ? WantLogits::kLast : WantLogits::kNone});
  }
  if (runs_.empty()) return;
  model_->forward(runs_, logits_.data());
  ++passes_;
  const auto vocab = static_cast<size_t>(model_->config().vocab);
  const float* row = logits_.data();
  for (const auto& [sequence, offer, state] : asked_) {
    if (!state->goes_on) continue;
    state->goes_on = state->is_read;
    if (!state->is_read) continue;
    draw(*state, *sequence, {row, vocab});
    row += vocab;
  }
  charge(kPassTokens - static_cast<int>(room), std::chrono::duration<double>(now_() - begun).count(), cost);
}

// With the large model's parameters, whose biases and penalties are of its vocabulary.
void DraftModel::draw(State& state, const Sequence& sequence, std::span<const float> logits) {
  const size_t both = std::min(row_.size(), logits.size());
  std::fill(std::ranges::copy(logits.first(both), row_.begin()).out, row_.end(), kNeverDrawn);
  const auto drawn = sampler_.sample(row_, state.sampling, sequence.history, sequence.ids.size() + state.draft.size());
  const std::vector<TokenId>& stops = sequence.request.stop_ids;
  state.goes_on = drawn.ok() && std::ranges::find(stops, drawn->id) == stops.end();  // nothing comes behind a stop
  if (!state.goes_on) return;
  size_t sureness = 0;
  while (sureness + 1 < kSure.size() && std::exp(drawn->logprob) > kSure[sureness]) ++sureness;
  const Count& count = counts_[sureness];
  const float chance = (count.came + kPriorWeight * kPrior[sureness]) / (count.tried + kPriorWeight);
  state.draft.push_back(drawn->id);
  state.sureness.push_back(sureness);
  state.chances.push_back(chance);
  state.reach *= chance;
  state.tokens += state.reach;
}

}  // namespace studio::engine
