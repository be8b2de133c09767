// A regular expression as it is written, anchors still in place. From regex_parser.cc to regex.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/constrain/code_points.h"

namespace studio::engine::constrain {

struct RegexNode {
  enum class Kind : uint8_t { kSet, kStart, kEnd, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kSequence;
  CodePoints set;
  std::vector<RegexNode> parts;
  uint32_t min = 0, max = 0;  // of kRepeat
};

Result<RegexNode> parse_regex_tree(std::string_view pattern);

}  // namespace studio::engine::constrain
