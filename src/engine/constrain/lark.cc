// The part of Lark's language that says what a text is (lark/grammars/lark.lark there). Recursive over parentheses,
// which kMaxGrammarNesting bounds.
#include <algorithm>

#include "engine/constrain/ebnf.h"
#include "engine/constrain/ebnf_reader.h"
#include "engine/constrain/regex.h"

namespace studio::engine::constrain {
namespace {

constexpr std::string_view kComment = "//";
constexpr std::string_view kIgnored = "%ignored";  // no name of a grammar
constexpr std::pair<std::string_view, std::string_view> kCommon[] = {
    {"DIGIT", "[0-9]"},
    {"HEXDIGIT", "[0-9a-fA-F]"},
    {"INT", "[0-9]+"},
    {"SIGNED_INT", "[+-]?[0-9]+"},
    {"DECIMAL", "[0-9]+\\.[0-9]*|\\.[0-9]+"},
    {"FLOAT", "[0-9]+[eE][+-]?[0-9]+|([0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?"},
    {"NUMBER", "[0-9]+([eE][+-]?[0-9]+)?|([0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?"},
    {"SIGNED_NUMBER", "[+-]?([0-9]+([eE][+-]?[0-9]+)?|([0-9]+\\.[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?)"},
    {"LETTER", "[a-zA-Z]"},
    {"LCASE_LETTER", "[a-z]"},
    {"UCASE_LETTER", "[A-Z]"},
    {"WORD", "[a-zA-Z]+"},
    {"CNAME", "[_a-zA-Z][_a-zA-Z0-9]*"},
    {"WS_INLINE", "[ \\t]+"},
    {"WS", "[ \\t\\f\\r\\n]+"},
    {"NEWLINE", "(\\r?\\n)+"},
    {"ESCAPED_STRING", "\"([^\"\\\\\\n]|\\\\[^\\n])*\""},
};

class Lark : EbnfReader {
 public:
  Lark(Grammar& grammar, std::string_view text) : EbnfReader(grammar, text) {}

  Result<RuleId> run() {
    STUDIO_CHECK_OK(check_size());
    for (skip_space(kComment); !at_end(); skip_space(kComment)) {
      if (take("%")) {
        STUDIO_CHECK_OK(directive());
      } else {
        STUDIO_CHECK_OK(rule());
      }
    }
    const ExprId ignored = grammar_.repeat(grammar_.choice(ignored_), 0, kNoLimit);
    STUDIO_CHECK_OK(define(kIgnored, {{ignored}}));
    STUDIO_TRY(const RuleId start, finish("start"));
    const RuleId whole = grammar_.add_rule();
    grammar_.define(whole, grammar_.sequence({grammar_.rule(start), ignored}));
    return whole;
  }

 private:
  using Alternatives = std::vector<std::vector<ExprId>>;

  // No - as in GBNF: an alias may follow at once (a->b).
  std::string_view take_name() {
    const size_t begin = at_;
    const std::string_view name = EbnfReader::take_name();
    const std::string_view own = name.substr(0, name.find('-'));
    at_ = begin + own.size();
    return own;
  }

  Status directive() {
    const std::string_view name = take_name();
    skip_space(kComment);
    if (name == "ignore") {
      in_terminal_ = true;
      STUDIO_TRY(const auto alternatives, choice(0));
      ignored_.push_back(joined(alternatives));
      return Ok{};
    }
    if (name != "import") return refused("%" + std::string(name));
    if (!take("common.")) return refused("an import of anything but common");
    const std::string_view imported = take_name();
    const auto known = std::ranges::find(kCommon, imported, &std::pair<std::string_view, std::string_view>::first);
    if (known == std::end(kCommon)) return refused("common." + std::string(imported));
    STUDIO_TRY(const ExprId body, parse_regex(grammar_, known->second, RegexMatch::kWhole));
    std::string_view as = imported;
    while (!at_end() && (is_next(" ") || is_next("\t"))) ++at_;
    if (take("->")) {
      skip_space(kComment);
      as = take_name();
    }
    return define(as, {{body}});
  }

  Status rule() {
    if (!take("?")) take("!");
    const std::string_view name = take_name();
    if (name.empty()) return fault("a rule begins with its name");
    if (is_next("{")) return refused("a template");
    if (take(".")) take_number();
    skip_space(kComment);
    if (!take(":")) return fault("a rule's name is followed by :");
    in_terminal_ = is_terminal(name);
    STUDIO_TRY(const auto alternatives, choice(0));
    return define(name, alternatives);
  }

  static bool is_terminal(std::string_view name) {
    const size_t first = name.find_first_not_of('_');
    return first != std::string_view::npos && name[first] >= 'A' && name[first] <= 'Z';
  }

  ExprId joined(const Alternatives& alternatives) {
    std::vector<ExprId> branches;
    for (const auto& parts : alternatives) branches.push_back(grammar_.sequence(parts));
    return grammar_.choice(branches);
  }

  // A line that begins another rule: a name with its colon, or a directive.
  bool is_rule_next() {
    if (is_next("%")) return true;
    const size_t back = at_;
    if (!take("?")) take("!");
    const bool has_name = !take_name().empty();
    if (has_name && take(".")) take_number();
    while (!at_end() && (is_next(" ") || is_next("\t"))) ++at_;
    const bool is_rule = has_name && (is_next(":") || is_next("{"));
    at_ = back;
    return is_rule;
  }

  Result<Alternatives> choice(int level) {
    if (level > kMaxGrammarNesting) return fault("nested too deep");
    Alternatives alternatives;
    do {
      std::vector<ExprId> parts;
      skip_space(kComment);
      while (!at_end() && !is_next("|") && !is_next(")") && !is_next("]") && !is_rule_next()) {
        if (take("->")) {
          skip_space(kComment);
          take_name();
        } else {
          STUDIO_TRY(const ExprId part, repeated(level));
          parts.push_back(part);
        }
        skip_space(kComment);
      }
      alternatives.push_back(std::move(parts));
    } while (take("|"));
    return alternatives;
  }

  Result<ExprId> repeated(int level) {
    STUDIO_TRY(ExprId part, item(level));
    skip_space(kComment);
    if (const auto sign = take_repeat_sign()) return grammar_.repeat(part, sign->first, sign->second);
    if (!take("~")) return part;
    skip_space(kComment);
    const auto min = take_number();
    if (!min) return fault("~ without a number");
    std::optional<uint32_t> max = min;
    if (take("..")) max = take_number();
    if (!max || *min > *max) return fault("~ without its largest number");
    return grammar_.repeat(part, *min, *max);
  }

  Result<ExprId> item(int level) {
    if (is_next("(") || is_next("[")) return group(level);
    if (take("\"")) return strings();
    if (take("/")) return expression();
    const std::string_view name = take_name();
    if (name.empty()) return fault("unexpected " + std::string(1, text_[at_]));
    const ExprId part = grammar_.rule(rule_named(name));
    return is_terminal(name) ? after_ignored(part) : part;
  }

  Result<ExprId> group(int level) {
    const bool is_optional = text_[at_++] == '[';
    STUDIO_TRY(const auto alternatives, choice(level + 1));
    if (!take(is_optional ? "]" : ")")) return fault("a group without its end");
    return is_optional ? grammar_.optional(joined(alternatives)) : joined(alternatives);
  }

  // What is ignored stands before the terminals of rules.
  ExprId after_ignored(ExprId part) {
    return in_terminal_ ? part : grammar_.sequence({grammar_.rule(rule_named(kIgnored)), part});
  }

  Result<std::u32string> string() {
    std::u32string text;
    while (!take("\"")) {
      if (take("\\")) {
        STUDIO_TRY(const char32_t c, take_escape());
        text += c;
      } else {
        const auto c = next_code_point(text_, at_);
        if (!c || *c == '\n') return fault("a string without its end");
        text += *c;
      }
    }
    return text;
  }

  Result<ExprId> strings() {
    STUDIO_TRY(const std::u32string first, string());
    if (take("..")) {
      if (!take("\"")) return fault("a range without its end");
      STUDIO_TRY(const std::u32string last, string());
      if (first.size() != 1 || last.size() != 1 || first[0] > last[0]) return fault("a range is of two characters");
      return after_ignored(utf8_of(grammar_, {{first[0], last[0]}}));
    }
    const bool either_case = is_next("i") && !is_next("in") && take("i");
    std::vector<ExprId> characters;
    for (const char32_t c : first) {
      CodePoints set{{c, c}};
      const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (either_case && is_letter) set.add(c ^ 32, c ^ 32);
      characters.push_back(utf8_of(grammar_, set));
    }
    return after_ignored(grammar_.sequence(characters));
  }

  Result<ExprId> expression() {
    std::string pattern;
    for (; !take("/"); ++at_) {
      if (at_end() || is_next("\n")) return fault("a regular expression without its end");
      if (is_next("\\/")) {
        ++at_;
      } else if (is_next("\\") && at_ + 1 < text_.size()) {
        pattern += text_[at_++];
      }
      pattern += text_[at_];
    }
    if (!at_end() && std::string_view("imslux").find(text_[at_]) != std::string_view::npos) {
      return refused("a flag of a regular expression");
    }
    auto made = parse_regex(grammar_, pattern, RegexMatch::kWhole);
    if (!made.ok()) return Error(made.error().code(), fault(made.error().message()).message());
    return after_ignored(*made);
  }

  std::vector<ExprId> ignored_;
  bool in_terminal_ = false;
};

}  // namespace

Result<RuleId> add_lark(Grammar& grammar, std::string_view text) {
  return Lark(grammar, text).run();
}

}  // namespace studio::engine::constrain
