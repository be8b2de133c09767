// The tree of a pattern to expressions. Anchors decide which ends of the text are open.
#include "engine/constrain/regex.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/constrain/regex_tree.h"

namespace studio::engine::constrain {
namespace {

using Kind = RegexNode::Kind;

// What stands at one side of a part: another part, or the end of the pattern with any text beyond it, or of the text.
enum class Side { kPart, kOpen, kAnchored };

bool has_end(const RegexNode& node) {
  return node.kind == Kind::kEnd || std::ranges::any_of(node.parts, has_end);
}

class Builder {
 public:
  explicit Builder(Grammar& grammar)
      : grammar_(grammar), any_text_(grammar.repeat(utf8_of(grammar, CodePoints::all()), 0, kNoLimit)) {}

  Result<ExprId> build(const RegexNode& node, Side left, Side right) {
    switch (node.kind) {
      case Kind::kSet:
        return between(left, utf8_of(grammar_, node.set), right);
      case Kind::kStart:
        if (left == Side::kPart) return anchor_inside();
        return between(Side::kAnchored, grammar_.empty(), right);
      case Kind::kEnd:
        if (right == Side::kPart) return anchor_inside();
        return between(left, grammar_.empty(), Side::kAnchored);
      case Kind::kSequence:
        return build_sequence(node, left, right);
      case Kind::kChoice: {
        std::vector<ExprId> branches;
        for (const RegexNode& part : node.parts) {
          STUDIO_TRY(const ExprId branch, build(part, left, right));
          branches.push_back(branch);
        }
        return grammar_.choice(branches);
      }
      case Kind::kRepeat: {
        STUDIO_TRY(const ExprId part, build(node.parts[0], Side::kPart, Side::kPart));
        return between(left, grammar_.repeat(part, node.min, node.max), right);
      }
    }
    return grammar_.nothing();
  }

 private:
  static Error anchor_inside() {
    return Error(Code::kUnimplemented, "pattern: an anchor inside of it cannot be enforced");
  }

  ExprId between(Side left, ExprId part, Side right) {
    return grammar_.sequence({left == Side::kOpen ? any_text_ : grammar_.empty(), part,
                              right == Side::kOpen ? any_text_ : grammar_.empty()});
  }

  Result<ExprId> build_sequence(const RegexNode& node, Side left, Side right) {
    size_t begin = 0, end = node.parts.size();
    for (; begin < end && left != Side::kPart && node.parts[begin].kind == Kind::kStart; ++begin) {
      left = Side::kAnchored;
    }
    for (; begin < end && right != Side::kPart && node.parts[end - 1].kind == Kind::kEnd; --end) {
      right = Side::kAnchored;
    }
    if (begin == end) return between(left, grammar_.empty(), right == left ? Side::kAnchored : right);
    std::vector<ExprId> parts;
    for (size_t i = begin; i < end; ++i) {
      STUDIO_TRY(const ExprId part,
                 build(node.parts[i], i == begin ? left : Side::kPart, i + 1 == end ? right : Side::kPart));
      parts.push_back(part);
    }
    return grammar_.sequence(parts);
  }

  Grammar& grammar_;
  ExprId any_text_;
};

}  // namespace

Result<ExprId> parse_regex(Grammar& grammar, std::string_view pattern, RegexMatch match) {
  STUDIO_TRY(const RegexNode tree, parse_regex_tree(pattern));
  const Side left = match == RegexMatch::kWhole ? Side::kAnchored : Side::kOpen;
  const Side right = match == RegexMatch::kSearch ? Side::kOpen : Side::kAnchored;
  return Builder(grammar).build(tree, left, right);
}

bool is_open_ended(std::string_view pattern) {
  const auto tree = parse_regex_tree(pattern);
  return tree.ok() && !has_end(*tree);
}

}  // namespace studio::engine::constrain
