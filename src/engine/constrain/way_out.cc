#include "engine/constrain/way_out.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace studio::engine::constrain {
namespace {

// Knuth's generalization of Dijkstra's algorithm: the nearest node is final, and may bring those nearer that it is a
// part of.
class Search {
 public:
  explicit Search(const Program& program) : program_(program), bytes_(program.nodes.size(), kFarAway) { list_users(); }

  std::vector<uint32_t> run() {
    offer(Program::kReturn, 0);
    while (!nearest_.empty()) {
      const auto [bytes, node] = nearest_.top();
      nearest_.pop();
      if (bytes > bytes_[node]) continue;
      for (size_t i = first_user_[node]; i < first_user_[node + 1]; ++i) offer(users_[i], through(users_[i], node));
    }
    return std::move(bytes_);
  }

 private:
  // What its distance is made of.
  template <typename Visit>
  void for_each_part(uint32_t node, Visit visit) const {
    const Node& here = program_.nodes[node];
    switch (here.kind) {
      case NodeKind::kReturn:
        break;
      case NodeKind::kBytes:
        visit(here.b);
        break;
      case NodeKind::kSplit:
        for (uint32_t i = 0; i < here.b; ++i) visit(program_.targets[here.a + i]);
        break;
      case NodeKind::kCall:
        visit(here.a);
        visit(here.b);
        break;
      case NodeKind::kRepeat:
        visit(program_.repeats[here.a].body);
        visit(program_.repeats[here.a].next);
        break;
    }
  }

  void list_users() {
    const auto count = static_cast<uint32_t>(program_.nodes.size());
    first_user_.assign(count + 1, 0);
    for (uint32_t node = 0; node < count; ++node)
      for_each_part(node, [this](uint32_t part) { ++first_user_[part + 1]; });
    for (uint32_t node = 0; node < count; ++node) first_user_[node + 1] += first_user_[node];
    users_.resize(first_user_.back());
    std::vector<size_t> at(first_user_.begin(), first_user_.end() - 1);
    for (uint32_t node = 0; node < count; ++node)
      for_each_part(node, [&](uint32_t part) { users_[at[part]++] = node; });
  }

  // Of a node, where it goes by one of its parts.
  uint32_t through(uint32_t node, uint32_t part) const {
    const Node& here = program_.nodes[node];
    if (here.kind == NodeKind::kBytes) return sum_of_bytes(bytes_[part], 1);
    if (here.kind == NodeKind::kCall) return sum_of_bytes(bytes_[here.a], bytes_[here.b]);
    if (here.kind == NodeKind::kRepeat) return bytes_to_leave(program_.repeats[here.a], 0, bytes_);
    return bytes_[part];
  }

  void offer(uint32_t node, uint32_t bytes) {
    if (bytes >= bytes_[node]) return;
    bytes_[node] = bytes;
    nearest_.emplace(bytes, node);
  }

  using Place = std::pair<uint32_t, uint32_t>;

  const Program& program_;
  std::vector<uint32_t> bytes_;
  std::vector<size_t> first_user_;  // [node + 1] in users_
  std::vector<uint32_t> users_;
  std::priority_queue<Place, std::vector<Place>, std::greater<>> nearest_;
};

}  // namespace

uint32_t sum_of_bytes(uint64_t a, uint64_t b) {
  return a >= kFarAway || b >= kFarAway ? kFarAway : static_cast<uint32_t>(std::min<uint64_t>(a + b, kFarAway));
}

uint32_t bytes_to_leave(const CountedRepeat& repeat, uint32_t begun, const std::vector<uint32_t>& to_return) {
  if (begun >= repeat.min) return to_return[repeat.next];
  if (to_return[repeat.body] == kFarAway) return kFarAway;
  return sum_of_bytes(uint64_t{repeat.min - begun} * to_return[repeat.body], to_return[repeat.next]);
}

std::vector<uint32_t> bytes_to_return(const Program& program) {
  return Search(program).run();
}

}  // namespace studio::engine::constrain
