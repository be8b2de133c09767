#include "engine/constrain/matcher.h"

namespace studio::engine::constrain {

template <typename Look>
auto Matcher::find(const Look& look) const -> std::optional<decltype(look())> {
  const auto try_here = [&]() -> std::optional<decltype(look())> {
    const uint64_t before = tables_->automaton.refusals();
    auto found = look();
    return tables_->automaton.refusals() == before ? std::optional(std::move(found)) : std::nullopt;
  };
  auto found = try_here();
  if (!found && move_to_newest()) found = try_here();
  if (!found && move_to_fresh()) found = try_here();
  return found;
}

bool Matcher::move_to(std::shared_ptr<Tables> tables) const {
  const StateId state = tables->automaton.adopt(tables_->automaton, state_);
  if (state == Automaton::kDead) return false;
  tables_ = std::move(tables);
  state_ = state;
  asked_ = -1;
  return true;
}

bool Matcher::move_to_newest() const {
  const auto newest = tables_->newest.lock();
  return newest && newest->tables != tables_ && move_to(newest->tables);
}

bool Matcher::move_to_fresh() const {
  auto fresh = std::make_shared<Tables>(tables_->automaton.shared_program(), tables_->trie, tables_->newest);
  if (!move_to(fresh)) return false;
  if (const auto newest = tables_->newest.lock()) newest->tables = tables_;
  return true;
}

StateId Matcher::state_after(std::string_view text) const {
  const std::span bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  const auto after = find([&] { return tables_->automaton.walk(state_, bytes); });
  if (!after) is_over_ = true;
  return after.value_or(Automaton::kDead);
}

bool Matcher::allows(TokenId id) const {
  if (has_ended_ || id < 0 || static_cast<size_t>(id) >= tables_->trie->token_count()) return false;
  if (tables_->trie->is_end(id)) return may_end();
  const std::string_view text = tables_->trie->bytes(id);
  const StateId behind = text.empty() || is_over_ ? Automaton::kDead : state_after(text);
  if (behind == Automaton::kDead) return false;
  asked_ = id;
  behind_asked_ = behind;
  return true;
}

bool Matcher::accept(TokenId id) {
  if (id >= 0 && id == asked_ && !has_ended_ && !is_over_) {
    go_to(behind_asked_);
    return true;
  }
  if (has_ended_ || id < 0 || static_cast<size_t>(id) >= tables_->trie->token_count()) return false;
  if (tables_->trie->is_end(id)) return has_ended_ = may_end();
  const std::string_view text = tables_->trie->bytes(id);
  return !text.empty() && accept_text(text);
}

bool Matcher::accept_text(std::string_view text) {
  const StateId next = has_ended_ || is_over_ ? Automaton::kDead : state_after(text);
  if (next == Automaton::kDead) return false;
  go_to(next);
  return true;
}

void Matcher::go_to(StateId next) {
  state_ = next;
  asked_ = -1;
  if (tables_->automaton.is_full()) move_to_newest();  // nobody keeps full ones for long
}

bool Matcher::may_end() const {
  return tables_->automaton.may_end(state_);
}

bool Matcher::is_complete() const {
  return has_ended_ || (may_end() && (is_over_ || !tables_->automaton.goes_on(state_)));
}

namespace {
constexpr char kSomeValue = '0';  // where its first byte is open
}

int Matcher::likely_byte(StateId state, const JsonLayout& layout) const {
  Automaton& automaton = tables_->automaton;
  if (automaton.may_end(state)) return -1;
  const int forced = automaton.forced_byte(state);
  if (forced >= 0) return forced;
  const int byte = automaton.only_visible_byte(state);
  const char space = layout.space_before(byte < 0 ? kSomeValue : static_cast<char>(byte));
  const bool fits = space != 0 && automaton.step(state, static_cast<uint8_t>(space)) != Automaton::kDead;
  return fits ? space : byte;
}

std::string Matcher::likely_text(JsonLayout layout, size_t limit) const {
  std::string text;
  StateId state = has_ended_ || is_over_ ? Automaton::kDead : state_;
  while (text.size() < limit) {
    const int byte = likely_byte(state, layout);
    if (byte < 0) break;
    text += static_cast<char>(byte);
    layout.read(std::string_view(text).substr(text.size() - 1));
    state = tables_->automaton.step(state, static_cast<uint8_t>(byte));
  }
  return text;
}

std::shared_ptr<const TokenMask> Matcher::mask() const {
  if (has_ended_) return std::make_shared<TokenMask>(tables_->trie->token_count());
  if (is_over_) return std::make_shared<TokenMask>(only_ends());
  if (const auto known = tables_->masks.find(state_); known != tables_->masks.end()) return known->second;
  auto found = find([&] { return tables_->trie->mask(tables_->automaton, state_); });
  if (!found) is_over_ = true;
  if (!found) return std::make_shared<TokenMask>(only_ends());
  auto made = std::make_shared<const TokenMask>(std::move(*found));
  auto& masks = tables_->masks;
  if ((masks.size() + 1) * made->words().size_bytes() > kMaxMaskBytes) masks.clear();
  masks.emplace(state_, made);
  return made;
}

TokenMask Matcher::only_ends() const {
  TokenMask mask(tables_->trie->token_count());
  if (may_end()) tables_->trie->allow_ends(mask);
  return mask;
}

bool Matcher::is_exhausted() const {
  return is_over_ || tables_->automaton.met_depth_limit();
}

void MatcherPool::make_ahead() {
  start();
  newest_->tables->automaton.make_ahead(kAheadWork);
}

Matcher MatcherPool::start() {
  if (!newest_->tables || newest_->tables->automaton.memory_bytes() > kFreshTablesBytes) {
    newest_->tables = std::make_shared<Matcher::Tables>(constraint_->program(), vocabulary_, newest_);
  }
  return Matcher(newest_->tables);
}

}  // namespace studio::engine::constrain
