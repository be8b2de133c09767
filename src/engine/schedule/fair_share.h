// Who comes next, of several tenants: prompts by weighted shares, places in the batch by turns.
//
// Prompts share the room that steps have for them. Each tenant has a clock that its prompt pieces drive, a unit of cost
// (step_cost.h) by 1 / weight; the next piece is of the tenant whose clock stands lowest, and what somebody got too
// much of in one step is still on the clock in the next, also when the tenant has left meanwhile. One that comes, or
// comes back, starts where the others are: it neither saves up what it did not use nor pays for what it had while
// nobody wanted it. So while two tenants have prompts to compute, what each got by its weight differs by no more than
// one piece of each.
//
// Source: start-time fair queueing (Goyal, Vin and Cheng, 1996), section 2.
//
// Places go to the tenant that has the fewest for its weight; those without any come first, in the order in which they
// began to wait.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <map>

namespace studio::engine {

class FairShare {
 public:
  struct Tenant {
    uint64_t id = 0;
    int weight = 1;
    int sequences = 0;  // waiting and running
    int running = 0;
    uint64_t without_place = 0;  // its rank among those that wait without any
    bool admits_oldest = true;   // of its waiting ones, or the shortest: by turns
    double owed_to_oldest = 0;   // units that its shortest prompts got more of than its oldest

    // Of the step under way.
    bool wants = false;  // has a prompt that can go on
    bool is_served = false;

   private:
    friend class FairShare;
    double clock = 0;
    bool competes = false;        // had prompts in the last step too
    uint64_t steps_unserved = 0;  // in a row
  };

  // A sequence comes, or goes for good. The weight is the one that came last.
  void enter(uint64_t id, int weight);
  void leave(uint64_t id);
  // One of its sequences gets a place in the batch, or loses it.
  void take_place(uint64_t id) { ++at(id).running; }
  void give_place(uint64_t id);

  Tenant& at(uint64_t id) { return tenants_.at(id); }
  // Of those that have sequences here: how many, their weights together, how many without any place.
  int size() const;
  int weights() const;
  int without_place() const;

  // Whether `a` is to get a place before `b`.
  static bool comes_first(const Tenant& a, const Tenant& b);
  // Whether shares are more even once a place of `b` is one of `a`.
  static bool has_less_than(const Tenant& a, const Tenant& b) {
    return b.running * a.weight > (a.running + 1) * b.weight;
  }

  void begin_step();
  // Once all that want something are known. Then next() and charge() by turns, as long as there is room; next() is null
  // when nobody wants anything any more.
  void compete();
  Tenant* next();
  void charge(Tenant& tenant, double units);
  void end_step();

  // Most steps in a row in which a tenant had sequences and nothing of them was computed.
  uint64_t longest_unserved() const { return longest_unserved_; }
  // Steps after which a tenant of weight 1 gets its next piece at the latest, where each step has room for one: while
  // its own is paid off each other tenant gets as much by its weight, and one piece more.
  int steps_to_next_piece() const;

 private:
  // With sequences, or with something on the clock; in order, so that nothing depends on chance.
  std::map<uint64_t, Tenant> tenants_;
  double now_ = 0;  // where the clock stood at the start of the last piece
  uint64_t ranks_ = 0;
  uint64_t longest_unserved_ = 0;
};

}  // namespace studio::engine
