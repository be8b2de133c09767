// For the chat template's fuzz target: tags and the expressions in them change places, come twice, go, or are grown
// from a small grammar, so that most of what results still compiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutator.h"

namespace studio::fuzz {

class TemplateMutator : Mutator {
 public:
  explicit TemplateMutator(unsigned seed) : Mutator(seed) {}

  std::string mutate(std::string_view text) {
    take_apart(text);
    if (parts_.empty()) return {};
    for (uint32_t changes = 1 + below(3); changes-- > 0 && !parts_.empty();) change(below(parts_.size()));
    std::string out;
    for (const std::string& part : parts_) out += part;
    return out;
  }

 private:
  using Word = std::string_view;

  template <size_t kSize>
  std::string any(const Word (&words)[kSize]) {
    return std::string(words[below(kSize)]);
  }

  // Text, tag, text, tag, ...; what follows a byte FF is the context and stays.
  void take_apart(std::string_view text) {
    while (!text.empty()) {
      size_t size = std::min({text.find("{%"), text.find("{{"), text.find('\xff'), text.size()});
      if (size == 0 && text.front() == '\xff') size = text.size();
      if (size == 0) {
        const size_t end = text.find(text[1] == '%' ? "%}" : "}}", 2);
        size = end == std::string_view::npos ? text.size() : end + 2;
      }
      parts_.emplace_back(text.substr(0, size));
      text.remove_prefix(size);
    }
  }

  void change(size_t at) {
    const size_t other = below(parts_.size());
    switch (below(8)) {
      case 0:
        parts_.insert(parts_.begin() + static_cast<ptrdiff_t>(other), std::string(parts_[at]));
        break;
      case 1:
        parts_.erase(parts_.begin() + static_cast<ptrdiff_t>(at));
        break;
      case 2:
        std::swap(parts_[at], parts_[other]);
        break;
      case 3:
        parts_.insert(parts_.begin() + static_cast<ptrdiff_t>(at), "{{ " + expression(4) + " }}");
        break;
      case 4:
        parts_.insert(parts_.begin() + static_cast<ptrdiff_t>(at), statement());
        break;
      case 5:
        insert_expression(parts_[at]);
        break;
      default:
        parts_[at] = mutated(parts_[at]);
        break;
    }
  }

  // Filters, tests, slices and operators behind what a tag holds.
  void insert_expression(std::string& part) {
    const size_t end = part.starts_with("{{") && part.ends_with("}}") ? part.size() - 2 : part.size();
    if (end < part.size()) part.insert(end, suffix(2) + " ");
  }

  std::string statement() {
    static constexpr Word kNames[] = {"x", "y", "m", "loop", "ns"};
    switch (below(6)) {
      case 0:
        return "{% set " + any(kNames) + " = " + expression(3) + " %}";
      case 1:
        return "{% if " + expression(3) + " %}a{% else %}b{% endif %}";
      case 2:
        return "{% for " + any(kNames) + " in " + expression(2) + " %}{{ loop.index }}{{ " + any(kNames) +
               " }}{% endfor %}";
      case 3:
        return "{% macro f(x, y=" + expression(1) + ") %}{{ x }}{{ " + expression(2) + " }}{% endmacro %}{{ f(" +
               expression(2) + ") }}";
      case 4:
        return "{% filter upper %}" + any(kNames) + "{{ " + expression(2) + " }}{% endfilter %}";
      default:
        return "{% set ns = namespace(a=" + expression(1) + ") %}{% set ns.a = ns.a " + any(kOperators) + " " +
               expression(2) + " %}";
    }
  }

  std::string expression(int depth) {
    static constexpr Word kAtoms[] = {"x",
                                      "messages",
                                      "messages[0]",
                                      "messages[-1].content",
                                      "tools",
                                      "s",
                                      "n",
                                      "l",
                                      "d",
                                      "e",
                                      "t",
                                      "1",
                                      "-7",
                                      "2.5",
                                      "1e308",
                                      "'a,b'",
                                      "'%s%d'",
                                      "''",
                                      "'\\u00e9'",
                                      "none",
                                      "true",
                                      "[]",
                                      "{}",
                                      "[1, 'a', [2]]",
                                      "{'a': 1, 'b': [2]}",
                                      "range(9)",
                                      "9223372036854775807",
                                      "loop.index0",
                                      "(1, 2)"};
    if (depth == 0 || below(4) == 0) return any(kAtoms);
    switch (below(6)) {
      case 0:
        return "(" + expression(depth - 1) + " " + any(kOperators) + " " + expression(depth - 1) + ")";
      case 1:
        return "[" + expression(depth - 1) + ", " + expression(depth - 1) + "]";
      case 2:
        return "(" + expression(depth - 1) + " if " + expression(depth - 1) + " else " + expression(depth - 1) + ")";
      case 3:
        return "not " + expression(depth - 1);
      default:
        return expression(depth - 1) + suffix(depth - 1);
    }
  }

  std::string suffix(int depth) {
    static constexpr Word kFilters[] = {"upper",
                                        "lower",
                                        "title",
                                        "capitalize",
                                        "trim",
                                        "length",
                                        "list",
                                        "join(',')",
                                        "sort",
                                        "reverse",
                                        "unique",
                                        "first",
                                        "last",
                                        "min",
                                        "max",
                                        "sum",
                                        "tojson",
                                        "string",
                                        "int",
                                        "float",
                                        "abs",
                                        "items",
                                        "dictsort",
                                        "indent(2)",
                                        "escape",
                                        "safe",
                                        "center(9)",
                                        "round(1)",
                                        "map('upper')",
                                        "select('defined')",
                                        "reject('none')",
                                        "map(attribute='role')",
                                        "selectattr('role', 'equalto', 'user')",
                                        "replace('a', 'bb')",
                                        "default(1)",
                                        "format(1, 'a')"};
    static constexpr Word kTests[] = {"defined",  "none", "string",         "number", "mapping",    "iterable",
                                      "sequence", "odd",  "divisibleby(3)", "in [1]", "sameas none"};
    static constexpr Word kMethods[] = {"split(',')",       "strip()",        "upper()",         "items()",
                                        "keys()",           "get('a')",       "startswith('a')", "replace('a', '')",
                                        "join(['a', 'b'])", "format(1, a=2)", "find('b')",       "zfill(5)",
                                        "expandtabs(3)",    "append(1)",      "encode()",        "splitlines()"};
    static constexpr Word kPlaces[] = {"[0]",   "[-1]", "[1:]",     "[::-1]", "[:-1]",
                                       "['a']", ".a",   ".content", "[::2]",  "[5:1:-2]"};
    switch (below(5)) {
      case 0:
        return " | " + any(kFilters);
      case 1:
        return " is " + any(kTests);
      case 2:
        return "." + any(kMethods);
      case 3:
        return any(kPlaces);
      default:
        return " " + any(kOperators) + " " + expression(depth);
    }
  }

  static constexpr Word kOperators[] = {"+",  "-",  "*", "/",  "//",  "%",  "**", "~",
                                        "==", "!=", "<", ">=", "and", "or", "in", "not in"};

  std::vector<std::string> parts_;
};

}  // namespace studio::fuzz
