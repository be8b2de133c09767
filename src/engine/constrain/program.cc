#include "engine/constrain/program.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/constrain/grammar_facts.h"

namespace studio::engine::constrain {
namespace {

// A bounded repeat whose copies are together no larger than this is written out: states of plain nodes are shared more
// often than counts. Longer ones are counted.
constexpr uint32_t kMaxCopies = 24;
// Counting what may be empty would count without reading; so few are written out, more are refused.
constexpr uint32_t kMaxEmptyCopies = 64;
constexpr size_t kMaxNodes = 2 * kMaxExprs;

class Compiler {
 public:
  Compiler(const Grammar& grammar, const GrammarFacts& facts) : grammar_(grammar), facts_(facts) {}

  Result<std::shared_ptr<const Program>> run(RuleId root) {
    program_.nodes.push_back({});  // kReturn
    entries_.assign(grammar_.rule_count(), kUnknown);
    program_.start = entry_of(root);
    while (!pending_.empty()) {
      const auto [rule, placeholder] = pending_.back();
      pending_.pop_back();
      const uint32_t body = build(grammar_.body(rule), Program::kReturn);
      set_targets(placeholder, {body});
      if (program_.nodes.size() > kMaxNodes || program_.targets.size() > 2 * kMaxNodes) {
        return Error(Code::kPayloadTooLarge, "the constraint needs more than " + std::to_string(kMaxNodes) + " nodes");
      }
    }
    if (repeats_empty_) {
      return Error(Code::kUnimplemented, "a repeat of more than " + std::to_string(kMaxEmptyCopies) +
                                             " times over what may be empty is not supported");
    }
    classify_bytes();
    return std::shared_ptr<const Program>(std::make_shared<Program>(std::move(program_)));
  }

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;

  uint32_t add(Node node) {
    program_.nodes.push_back(node);
    return static_cast<uint32_t>(program_.nodes.size() - 1);
  }

  void set_targets(uint32_t split, std::initializer_list<uint32_t> targets) {
    program_.nodes[split].a = static_cast<uint32_t>(program_.targets.size());
    program_.nodes[split].b = static_cast<uint32_t>(targets.size());
    program_.targets.insert(program_.targets.end(), targets);
  }

  uint32_t split(std::initializer_list<uint32_t> targets) {
    const uint32_t node = add({.kind = NodeKind::kSplit});
    set_targets(node, targets);
    return node;
  }

  // A rule's first node is a split of one target, which is known once its body is built.
  uint32_t entry_of(RuleId rule) {
    if (entries_[rule] == kUnknown) {
      entries_[rule] = add({.kind = NodeKind::kSplit});
      pending_.emplace_back(rule, entries_[rule]);
    }
    return entries_[rule];
  }

  // The node that reads `id` and goes on with `next`. Only of expressions that match something.
  uint32_t build(ExprId id, uint32_t next) {
    const Expr& expr = grammar_.expr(id);
    if (program_.nodes.size() > kMaxNodes) return next;
    switch (expr.kind) {
      case ExprKind::kNothing:
      case ExprKind::kEmpty:
        return next;
      case ExprKind::kBytes:
        return bytes_node(expr.first, next);
      case ExprKind::kSequence: {
        const auto parts = grammar_.parts(expr);
        for (size_t i = parts.size(); i-- > 0;) next = build(parts[i], next);
        return next;
      }
      case ExprKind::kChoice:
        return build_choice(expr, next);
      case ExprKind::kRepeat:
        return build_repeat(expr, next);
      case ExprKind::kRule: {
        const uint32_t entry = entry_of(expr.first);
        return next == Program::kReturn ? entry : add({.kind = NodeKind::kCall, .a = entry, .b = next});
      }
    }
    return next;
  }

  // What ends alike is one node, so that ways through the middle of a character meet: fewer states, shared more often.
  // Single bytes are left out: literals are many and hardly end alike.
  uint32_t bytes_node(uint32_t set, uint32_t next) {
    const Node node{.kind = NodeKind::kBytes, .a = set, .b = next};
    if (grammar_.set_at(set).count() == 1) return add(node);
    uint32_t& known = recent_bytes_[(set * 31 + next) % kRecent];
    const Node& recent = program_.nodes[known];
    if (recent.kind != NodeKind::kBytes || recent.a != set || recent.b != next) known = add(node);
    return known;
  }

  uint32_t build_choice(const Expr& expr, uint32_t next) {
    std::vector<uint32_t> targets;
    for (const ExprId part : grammar_.parts(expr)) {
      if (facts_.matches_some(part)) targets.push_back(build(part, next));
    }
    if (targets.size() == 1) return targets[0];
    const uint32_t first = static_cast<uint32_t>(program_.targets.size());
    program_.targets.insert(program_.targets.end(), targets.begin(), targets.end());
    return add({.kind = NodeKind::kSplit, .a = first, .b = static_cast<uint32_t>(targets.size())});
  }

  uint32_t build_repeat(const Expr& expr, uint32_t next) {
    if (!facts_.matches_some(expr.first)) return next;
    const bool may_be_empty = facts_.may_be_empty(expr.first);
    const uint32_t min = may_be_empty ? 0 : expr.min;
    if (expr.max == kNoLimit && min <= 1) {
      const uint32_t again = add({.kind = NodeKind::kSplit});
      const uint32_t body = build(expr.first, again);
      set_targets(again, {body, next});
      return min == 0 ? again : body;
    }
    const uint32_t size = grammar_.expr(expr.first).size;
    if (may_be_empty && expr.max > kMaxEmptyCopies) {
      repeats_empty_ = true;
      return next;
    }
    if (expr.max != kNoLimit && (may_be_empty || uint64_t{size} * expr.max <= kMaxCopies)) {
      return build_copies(expr.first, min, expr.max, next);
    }
    const uint32_t body = build(expr.first, Program::kReturn);
    program_.repeats.push_back({.body = body, .min = min, .max = expr.max, .next = next});
    return add({.kind = NodeKind::kRepeat, .a = static_cast<uint32_t>(program_.repeats.size() - 1)});
  }

  uint32_t build_copies(ExprId part, uint32_t min, uint32_t max, uint32_t next) {
    uint32_t from_here = next;
    for (uint32_t i = max; i > 0; --i) {
      const uint32_t copy = build(part, from_here);
      from_here = i > min ? split({copy, next}) : copy;
    }
    return from_here;
  }

  // Bytes are told apart set by set.
  void classify_bytes() {
    std::array<uint16_t, 256> group{};
    size_t groups = 1;
    std::vector<uint16_t> inside;  // [group] where those of its bytes go that are in the set
    for (size_t i = 0; i < grammar_.set_count() && groups < 256; ++i) {
      const ByteSet& set = grammar_.set_at(i);
      std::vector<uint16_t> in(groups, 0), out(groups, 0);
      for (size_t byte = 0; byte < 256; ++byte) ++(set[byte] ? in : out)[group[byte]];
      inside.assign(groups, 0);
      for (size_t g = 0; g < in.size(); ++g) inside[g] = static_cast<uint16_t>(in[g] > 0 && out[g] > 0 ? groups++ : g);
      for (size_t byte = 0; byte < 256; ++byte) {
        if (set[byte]) group[byte] = inside[group[byte]];
      }
    }
    std::vector<uint16_t> size(groups, 0);
    program_.byte_of_class.resize(groups);
    for (size_t byte = 256; byte-- > 0;) {
      program_.class_of[byte] = static_cast<uint8_t>(group[byte]);
      program_.byte_of_class[group[byte]] = static_cast<uint8_t>(byte);
      ++size[group[byte]];
    }
    for (const uint16_t bytes : size) program_.is_single_byte.push_back(bytes == 1 ? 1 : 0);
    program_.class_count = static_cast<int>(groups);
    for (size_t i = 0; i < grammar_.set_count(); ++i) {
      ByteSet of_classes;
      for (size_t c = 0; c < program_.byte_of_class.size(); ++c) {
        of_classes[c] = grammar_.set_at(i)[program_.byte_of_class[c]];
      }
      program_.class_sets.push_back(of_classes);
    }
    for (Node& node : program_.nodes) {
      if (node.kind != NodeKind::kBytes || program_.class_sets[node.a].count() != 1) continue;
      node.only_class = static_cast<int16_t>(program_.class_sets[node.a]._Find_first());
    }
  }

  const Grammar& grammar_;
  const GrammarFacts& facts_;
  Program program_;
  std::vector<uint32_t> entries_;                     // [rule] or kUnknown
  std::vector<std::pair<RuleId, uint32_t>> pending_;  // rules to build, and the split that waits for them
  static constexpr size_t kRecent = 1021;             // alike ones are built close to each other
  std::array<uint32_t, kRecent> recent_bytes_{};      // by set and next: a node
  bool repeats_empty_ = false;
};

}  // namespace

size_t Program::memory_bytes() const {
  return nodes.size() * sizeof(Node) + targets.size() * sizeof(uint32_t) + repeats.size() * sizeof(CountedRepeat) +
         class_sets.size() * sizeof(ByteSet);
}

Result<std::shared_ptr<const Program>> Program::compile(const Grammar& grammar, RuleId root) {
  if (grammar.is_too_large()) {
    return Error(Code::kPayloadTooLarge, "the constraint needs more than " + std::to_string(kMaxExprs) + " parts");
  }
  const GrammarFacts facts(grammar);
  if (!facts.matches_some(grammar.body(root))) return Error(Code::kInvalidArgument, "no text satisfies the constraint");
  if (facts.left_recursion(root)) {
    return Error(Code::kUnimplemented, "a rule begins with itself by way of others (indirect left recursion)");
  }
  return Compiler(grammar, facts).run(root);
}

}  // namespace studio::engine::constrain
