// Who has a place in the batch and pages: admission, and preemption.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/schedule/scheduler.h"

namespace studio::engine {
namespace {

// What only this sequence has computed begins here: pages that others hold too come first in the table, and stay.
int first_own_page(const PagePool& pages, const SequenceState& state) {
  const int32_t* table = state.page_table();
  return static_cast<int>(
      std::partition_point(table, table + state.pages(), [&](int32_t page) { return pages.holders(page) > 1; }) -
      table);
}

}  // namespace

// The next of the tenant that is first in line: what was admitted once comes before what was not; of the others the
// oldest and the shortest, by turns.
Sequence& Scheduler::next_to_admit() {
  const Tenant* first = nullptr;
  for (const auto& sequence : waiting_) {
    const Tenant& tenant = shares_.at(sequence->request.tenant);
    if (first == nullptr || FairShare::comes_first(tenant, *first)) first = &tenant;
  }
  const auto precedes = [&](const Sequence& a, const Sequence& b) {
    if (a.was_admitted != b.was_admitted) return a.was_admitted;
    if (!a.was_admitted && !first->admits_oldest && a.ids.size() != b.ids.size()) return a.ids.size() < b.ids.size();
    return a.arrival < b.arrival;
  };
  Sequence* next = nullptr;
  for (const auto& sequence : waiting_) {
    if (sequence->request.tenant == first->id && (next == nullptr || precedes(*sequence, *next))) next = sequence.get();
  }
  return *next;
}

void Scheduler::admit() {
  while (!waiting_.empty()) {
    Sequence& next = next_to_admit();
    Tenant& tenant = shares_.at(next.request.tenant);
    while (running() >= limits_.max_sequences) {
      if (!take_turn_from_another(tenant)) return;
    }
    prefixes_.take(next);
    while (!has_pages_for(next)) {
      // Who is first in line stays it until there is room: nobody is let past.
      if (!take_turn_from_another(tenant)) return prefixes_.leave(next);
    }
    next.has_place = true;
    next.drawn = 0;
    next.prompt_units = 0;
    shares_.take_place(tenant.id);
    if (!std::exchange(next.was_admitted, true)) {
      tenant.admits_oldest = !tenant.admits_oldest;
      const std::chrono::duration<double> waited = now_() - next.submitted;
      queue_seconds_.add(kQueueSecondsBounds, waited.count());
    }
    const auto place =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& one) { return one.get() == &next; });
    running_.splice(running_.end(), waiting_, place);
  }
}

bool Scheduler::has_pages_for(Sequence& next) {
  // Beside its own pages one for each running sequence, or somebody would be preempted next. They are taken now: the
  // next in line must not count on them too.
  const int needed = pages_for(static_cast<int>(next.ids.size()) + 1) - next.state.pages() + running();
  const bool has_room = running_.empty() || needed <= pages_.free();
  return has_room && next.state.reserve(static_cast<int>(next.ids.size()));
}

bool Scheduler::take_turn_from_another(const Tenant& tenant) {
  const auto victim = cheapest_to_recompute([&](const Sequence& sequence) {
    if (sequence.request.tenant == tenant.id) return false;
    if (FairShare::has_less_than(tenant, shares_.at(sequence.request.tenant))) return sequence.drawn >= kShortTurn;
    return tenant.running == 0 && sequence.drawn >= kLongTurn;
  });
  if (victim == running_.end()) return false;
  preempt(victim);
  return true;
}

// Prompts have had all their pages since they were admitted. The oldest never gives its own up, so one goes on always.
void Scheduler::make_room_for_decodes() {
  const auto needs_page = [](const Sequence& sequence) {
    return sequence.is_decoding() && pages_for(sequence.state.length() + 1) > sequence.state.pages();
  };
  auto missing = std::count_if(running_.begin(), running_.end(), [&](const auto& one) { return needs_page(*one); });
  while (missing > pages_.free()) {
    const auto victim =
        cheapest_to_recompute([&](const Sequence& sequence) { return &sequence != running_.front().get(); });
    if (victim == running_.end()) break;
    if (needs_page(**victim)) --missing;
    preempt(victim);
  }
}

// Running, and `may_go`; one that frees pages, if there is any.
template <typename Filter>
Scheduler::List::iterator Scheduler::cheapest_to_recompute(Filter&& may_go) {
  auto cheapest = running_.end();
  double least = std::numeric_limits<double>::infinity();
  for (auto it = running_.begin(); it != running_.end(); ++it) {
    const SequenceState& state = (*it)->state;
    if (!may_go(**it)) continue;
    const int own = first_own_page(pages_, state);
    const int kept = std::min(own * kPageTokens, state.length());
    const double units = cost_.units(state.length() - kept, kept);
    const double cost = own < state.pages() ? units : std::numeric_limits<double>::max();
    if (cost < least) least = cost, cheapest = it;
  }
  return cheapest;
}

void Scheduler::preempt(List::iterator victim) {
  ++preemptions_;
  Sequence& sequence = **victim;
  prefixes_.leave(sequence);
  drafting_.forget(sequence);
  sequence.has_place = false;
  shares_.give_place(sequence.request.tenant);
  waiting_.splice(waiting_.begin(), running_, victim);
}

// Before the newcomer stand those without a place, one after the other. While one is first in line nobody else is let
// in, so the running ones finish their prompts, at kPieceUnits a step or faster, draw the tokens of their turn, and
// give way. Then it shares pieces with all others.
uint64_t Scheduler::starvation_bound() const {
  if (idle()) return 1;
  double units = 0;
  for (const List* list : {&running_, &waiting_}) {
    for (const auto& sequence : *list) units += cost_.units(sequence->pending(), sequence->state.length());
  }
  const double piece = std::min(kPieceUnits, limits_.prompt_chunk);
  const double steps = units / piece + (shares_.without_place() + 1) * kLongTurn + shares_.steps_to_next_piece();
  return static_cast<uint64_t>(std::ceil(steps));
}

}  // namespace studio::engine
