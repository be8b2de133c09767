#include "engine/templates/parser.h"

#include <algorithm>
#include <span>

#include "engine/templates/lexer.h"

namespace studio::engine::jinja {
namespace {

using Names = std::initializer_list<std::string_view>;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), program_(std::make_unique<Program>()) {
    program_->known = {symbol("loop"), symbol("varargs"), symbol("kwargs"), symbol("caller")};
  }

  std::unique_ptr<const Program> run() {
    program_->body = body({});
    return std::move(program_);
  }

 private:
  // ---- tokens ----

  const Token& current() const { return tokens_[pos_]; }
  const Token& look() const { return tokens_[std::min(pos_ + 1, tokens_.size() - 1)]; }
  const Token& take() {
    const Token& token = tokens_[pos_];
    if (pos_ + 1 < tokens_.size()) ++pos_;
    return token;
  }
  bool skip_name(std::string_view name) { return current().is_name(name) && (take(), true); }
  bool skip_operator(std::string_view sign) { return current().is_operator(sign) && (take(), true); }

  static std::string describe(const Token& token) {
    switch (token.kind) {
      case TokenKind::kEnd:
        return "the end of the template";
      case TokenKind::kBlockEnd:
        return "the end of the block tag";
      case TokenKind::kVariableEnd:
        return "the end of the print tag";
      case TokenKind::kName:
      case TokenKind::kOperator:
        return "'" + token.text.substr(0, 64) + "'";
      case TokenKind::kString:
        return "a string";
      case TokenKind::kInteger:
      case TokenKind::kFloat:
        return "a number";
      default:
        return "template text";
    }
  }
  [[noreturn]] void fail_expected(const std::string& what) const {
    fail_at(current().line, "expected " + what + ", got " + describe(current()));
  }
  void expect_operator(std::string_view sign) {
    if (!skip_operator(sign)) fail_expected("'" + std::string(sign) + "'");
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) fail_expected("'" + std::string(name) + "'");
  }
  const std::string& expect_any_name() {
    if (current().kind != TokenKind::kName) fail_expected("a name");
    return take().text;
  }
  void expect(TokenKind kind, const char* what) {
    if (current().kind != kind) fail_expected(what);
    take();
  }

  Budget::Level enter() {
    if (depth_ >= kMaxNesting) fail_at(current().line, "nested more than " + std::to_string(kMaxNesting) + " deep");
    return {depth_, kMaxNesting, "blocks and expressions"};
  }

  template <typename T, typename... Arguments>
  static ExprPtr make(int line, Arguments&&... arguments) {
    auto node = std::make_unique<T>(line, std::forward<Arguments>(arguments)...);
    if (node->depth > kMaxExprDepth)
      fail_at(line, "an expression of more than " + std::to_string(kMaxExprDepth) + " levels");
    return node;
  }

  Symbol symbol(const std::string& name) {
    auto [found, is_new] = program_->symbols.try_emplace(name, static_cast<Symbol>(program_->names.size()));
    if (is_new) program_->names.push_back(name);
    return found->second;
  }

  // ---- statements ----

  // Up to a block tag that begins with one of `ends` (or the end of the template, if there are none); the tag's name is
  // the current token then.
  Body body(Names ends) {
    auto level = enter();
    Body statements;
    while (current().kind != TokenKind::kEnd) {
      const Token& token = take();
      if (token.kind == TokenKind::kData) {
        statements.push_back(std::make_unique<TextStatement>(token.line, Text(token.text, Origin::kTemplate)));
      } else if (token.kind == TokenKind::kVariableBegin) {
        statements.push_back(std::make_unique<PrintStatement>(token.line, tuple_or_expression()));
        expect(TokenKind::kVariableEnd, "the end of the print tag");
      } else {
        bool is_end = std::any_of(ends.begin(), ends.end(), [&](auto name) { return current().is_name(name); });
        if (is_end) return statements;
        statement(statements);
        expect(TokenKind::kBlockEnd, "the end of the block tag");
      }
    }
    if (ends.size() > 0) fail_expected("'" + std::string(*(ends.end() - 1)) + "'");
    return statements;
  }

  // The rest of a block tag, the body, and the name of the tag that ends it.
  Body block(Names ends) {
    skip_operator(":");
    expect(TokenKind::kBlockEnd, "the end of the block tag");
    return body(ends);
  }

  // A block whose output is kept for later, with its end tag: no break leads out of it.
  Body captured_block(std::string_view end) {
    int outer_loops = std::exchange(loops_, 0);
    Body statements = block({end});
    loops_ = outer_loops;
    take();
    return statements;
  }

  void statement(Body& into) {
    const Token& tag = current();
    if (tag.kind != TokenKind::kName) fail_expected("the name of a tag");
    using Parse = void (Parser::*)(Body&);
    static constexpr std::pair<std::string_view, Parse> kTags[] = {
        {"set", &Parser::set},
        {"if", &Parser::if_},
        {"for", &Parser::for_},
        {"macro", &Parser::macro},
        {"call", &Parser::call},
        {"filter", &Parser::filter_block},
        {"with", &Parser::with},
        {"break", &Parser::break_},
        {"continue", &Parser::continue_},
        {"print", &Parser::print},
        {"generation", &Parser::generation},
    };
    for (const auto& [name, parse] : kTags) {
      if (tag.text == name) return (this->*parse)(into);
    }
    static constexpr std::string_view kOtherTags[] = {"block", "extends",    "include", "import",
                                                      "from",  "autoescape", "do"};
    if (std::find(std::begin(kOtherTags), std::end(kOtherTags), tag.text) != std::end(kOtherTags)) {
      throw Failure{.code = Code::kUnimplemented, .message = "the tag '" + tag.text + "'", .line = tag.line};
    }
    fail_at(tag.line, "unknown tag '" + tag.text.substr(0, 64) + "'");
  }

  void set(Body& into) {
    int line = take().line;
    Target to = target(/*may_be_attribute=*/true);
    if (skip_operator("=")) {
      into.push_back(std::make_unique<SetStatement>(line, std::move(to), tuple_or_expression()));
      return;
    }
    std::vector<Suffix> filters;
    while (current().is_operator("|")) filters.push_back(filter());
    Body statements = captured_block("endset");
    into.push_back(std::make_unique<SetBlockStatement>(line, std::move(to), std::move(filters), std::move(statements)));
  }

  void if_(Body& into) {
    auto node = std::make_unique<IfStatement>(take().line);
    for (;;) {
      ExprPtr condition = tuple_or_expression({.conditional = false});
      node->branches.push_back({std::move(condition), block({"elif", "else", "endif"})});
      if (!current().is_name("elif")) break;
      take();
    }
    if (skip_name("else")) node->otherwise = block({"endif"});
    take();
    into.push_back(std::move(node));
  }

  void for_(Body& into) {
    auto node = std::make_unique<ForStatement>(take().line);
    node->target = target(/*may_be_attribute=*/false);
    expect_name("in");
    node->items = tuple_or_expression({.conditional = false, .end = "recursive"});
    if (skip_name("if")) node->condition = expression();
    if (current().is_name("recursive")) {
      throw Failure{.code = Code::kUnimplemented, .message = "recursive loops", .line = current().line};
    }
    ++loops_;
    node->body = block({"else", "endfor"});
    --loops_;
    if (skip_name("else")) node->otherwise = block({"endfor"});
    take();
    into.push_back(std::move(node));
  }

  // (a, b=1): the parameters of a macro.
  void signature(MacroStatement& macro) {
    expect_operator("(");
    while (!current().is_operator(")")) {
      if (!macro.parameters.empty()) expect_operator(",");
      Symbol name = symbol(expect_any_name());
      ExprPtr otherwise;
      if (skip_operator("=")) {
        otherwise = expression();
      } else if (!macro.parameters.empty() && macro.parameters.back().otherwise) {
        fail_at(current().line, "non-default argument follows default argument");
      }
      macro.parameters.push_back({name, std::move(otherwise)});
    }
    take();
  }

  // The body of a macro, or of a call's block; loops outside of it do not count inside.
  void macro_body(MacroStatement& macro, std::string_view end) {
    MacroStatement* outer_macro = std::exchange(macro_, &macro);
    int outer_loops = std::exchange(loops_, 0);
    macro.body = block({end});
    take();
    macro_ = outer_macro;
    loops_ = outer_loops;
  }

  void macro(Body& into) {
    auto node = std::make_unique<MacroStatement>(take().line);
    node->name = symbol(expect_any_name());
    signature(*node);
    macro_body(*node, "endmacro");
    into.push_back(std::move(node));
  }

  void call(Body& into) {
    auto node = std::make_unique<CallBlockStatement>(take().line);
    auto inner = std::make_unique<MacroStatement>(node->line);
    inner->name = program_->known.caller;
    if (current().is_operator("(")) signature(*inner);
    ExprPtr callee = expression();
    auto* postfix = callee->kind == Expr::Kind::kPostfix ? static_cast<const PostfixExpr*>(callee.get()) : nullptr;
    if (!postfix || postfix->suffixes.back().kind != Suffix::Kind::kCall) fail_at(node->line, "expected a call");
    callee.release();
    node->call.reset(postfix);
    macro_body(*inner, "endcall");
    node->block = std::move(inner);
    into.push_back(std::move(node));
  }

  void filter_block(Body& into) {
    int line = take().line;
    std::vector<Suffix> filters;
    filters.push_back(filter_after_bar());
    while (current().is_operator("|")) filters.push_back(filter());
    Body statements = captured_block("endfilter");
    into.push_back(std::make_unique<FilterBlockStatement>(line, std::move(filters), std::move(statements)));
  }

  void generation(Body& into) {
    int line = take().line;
    Body statements = captured_block("endgeneration");
    into.push_back(std::make_unique<FilterBlockStatement>(line, std::vector<Suffix>(), std::move(statements)));
  }

  void with(Body& into) {
    auto node = std::make_unique<WithStatement>(take().line);
    while (current().kind != TokenKind::kBlockEnd) {
      if (!node->variables.empty()) expect_operator(",");
      Target to = single_target();
      expect_operator("=");
      node->variables.emplace_back(std::move(to), expression());
    }
    node->body = block({"endwith"});
    take();
    into.push_back(std::move(node));
  }

  void print(Body& into) {
    int line = take().line;
    for (bool is_first = true; current().kind != TokenKind::kBlockEnd; is_first = false) {
      if (!is_first) expect_operator(",");
      into.push_back(std::make_unique<PrintStatement>(line, expression()));
    }
  }

  void break_(Body& into) {
    if (loops_ == 0) fail_at(current().line, "'break' outside of a loop");
    into.push_back(std::make_unique<BreakStatement>(take().line));
  }
  void continue_(Body& into) {
    if (loops_ == 0) fail_at(current().line, "'continue' outside of a loop");
    into.push_back(std::make_unique<ContinueStatement>(take().line));
  }

  // ---- targets of assignments ----

  Target single_target() {
    if (skip_operator("(")) {
      auto level = enter();
      Target to = target_tuple();
      expect_operator(")");
      return to;
    }
    static constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
    const std::string& name = expect_any_name();
    if (std::find(std::begin(kConstants), std::end(kConstants), name) != std::end(kConstants)) {
      fail_at(current().line, "cannot assign to '" + name + "'");
    }
    return Target{.symbol = symbol(name)};
  }

  Target target_tuple() {
    Target first = single_target();
    if (!current().is_operator(",")) return first;
    Target tuple{.is_tuple = true};
    tuple.items.push_back(std::move(first));
    while (skip_operator(",")) {
      if (current().is_operator(")")) break;
      tuple.items.push_back(single_target());
    }
    return tuple;
  }

  Target target(bool may_be_attribute) {
    if (may_be_attribute && look().is_operator(".")) {
      Target to{.symbol = symbol(expect_any_name())};
      take();
      to.attribute = expect_any_name();
      return to;
    }
    return target_tuple();
  }

  // ---- expressions, loosest first ----

  struct TupleStyle {
    bool conditional = true;    // whether a bare `if` belongs to the expression
    std::string_view end = {};  // a name that ends it, besides the ends of tags
    bool in_parentheses = false;
  };
  ExprPtr tuple_or_expression() { return tuple_or_expression(TupleStyle()); }
  ExprPtr tuple_or_expression(const TupleStyle& style) {
    int line = current().line;
    std::vector<ExprPtr> items;
    bool is_tuple = false;
    for (;;) {
      bool is_over = current().kind == TokenKind::kVariableEnd || current().kind == TokenKind::kBlockEnd ||
                     current().is_operator(")") || (!style.end.empty() && current().is_name(style.end));
      if (is_over) break;
      items.push_back(style.conditional ? expression() : or_());
      if (!skip_operator(",")) break;
      is_tuple = true;
    }
    if (!is_tuple && items.size() == 1) return std::move(items.front());
    if (items.empty() && !style.in_parentheses) fail_expected("an expression");
    return make<SequenceExpr>(line, true, std::move(items));
  }

  ExprPtr expression() {
    auto level = enter();
    int line = current().line;
    std::vector<ConditionalExpr::Branch> branches;
    ExprPtr value = or_();
    while (skip_name("if")) {
      ExprPtr condition = or_();
      if (skip_name("else")) {
        branches.emplace_back(std::move(value), std::move(condition));
        value = or_();
        continue;
      }
      std::vector<ConditionalExpr::Branch> alone;
      alone.emplace_back(std::move(value), std::move(condition));
      value = make<ConditionalExpr>(line, std::move(alone), ExprPtr());
    }
    if (branches.empty()) return value;
    return make<ConditionalExpr>(line, std::move(branches), std::move(value));
  }

  ExprPtr or_() { return logic("or", &Parser::and_); }
  ExprPtr and_() { return logic("and", &Parser::not_); }

  ExprPtr logic(std::string_view word, ExprPtr (Parser::*operand)()) {
    int line = current().line;
    ExprPtr first = (this->*operand)();
    if (!current().is_name(word)) return first;
    std::vector<ExprPtr> parts;
    parts.push_back(std::move(first));
    while (skip_name(word)) parts.push_back((this->*operand)());
    return make<LogicExpr>(line, word == "or", std::move(parts));
  }

  ExprPtr not_() {
    int line = current().line, count = 0;
    while (skip_name("not")) ++count;
    ExprPtr operand = compare();
    // Two negations make a truth value of any; more change nothing but the sign.
    for (int i = 0; i < (count > 2 ? 2 - count % 2 : count); ++i) {
      operand = make<UnaryExpr>(line, UnaryOp::kNot, std::move(operand));
    }
    return operand;
  }

  std::optional<CompareOp> take_compare_op() {
    static constexpr std::string_view kSigns[] = {"==", "!=", "<", "<=", ">", ">="};  // in the order of CompareOp
    if (current().kind == TokenKind::kOperator) {
      for (size_t i = 0; i < std::size(kSigns); ++i) {
        if (skip_operator(kSigns[i])) return static_cast<CompareOp>(i);
      }
    }
    if (skip_name("in")) return CompareOp::kIn;
    if (current().is_name("not") && look().is_name("in")) {
      take();
      take();
      return CompareOp::kNotIn;
    }
    return std::nullopt;
  }

  ExprPtr compare() {
    int line = current().line;
    ExprPtr first = sum();
    CompareExpr::Rest rest;
    while (auto op = take_compare_op()) rest.emplace_back(*op, sum());
    if (rest.empty()) return first;
    return make<CompareExpr>(line, std::move(first), std::move(rest));
  }

  using SignOp = std::pair<std::string_view, BinaryOp>;

  ExprPtr binary(std::span<const SignOp> ops, ExprPtr (Parser::*operand)()) {
    int line = current().line;
    ExprPtr first = (this->*operand)();
    BinaryExpr::Rest rest;
    for (;;) {
      auto op = std::find_if(ops.begin(), ops.end(), [&](const SignOp& o) { return current().is_operator(o.first); });
      if (op == ops.end()) break;
      take();
      rest.emplace_back(op->second, (this->*operand)());
    }
    if (rest.empty()) return first;
    return make<BinaryExpr>(line, std::move(first), std::move(rest));
  }

  ExprPtr sum() {
    static constexpr SignOp kOps[] = {{"+", BinaryOp::kAdd}, {"-", BinaryOp::kSub}};
    return binary(kOps, &Parser::concat);
  }
  ExprPtr product() {
    static constexpr SignOp kOps[] = {
        {"*", BinaryOp::kMul}, {"/", BinaryOp::kDiv}, {"//", BinaryOp::kFloorDiv}, {"%", BinaryOp::kMod}};
    return binary(kOps, &Parser::power);
  }
  ExprPtr power() {
    static constexpr SignOp kOps[] = {{"**", BinaryOp::kPow}};
    return binary(kOps, &Parser::unary_with_filters);
  }

  ExprPtr concat() {
    int line = current().line;
    ExprPtr first = product();
    if (!current().is_operator("~")) return first;
    std::vector<ExprPtr> parts;
    parts.push_back(std::move(first));
    while (skip_operator("~")) parts.push_back(product());
    return make<ConcatExpr>(line, std::move(parts));
  }

  ExprPtr unary_with_filters() { return unary(true); }

  // A sign binds tighter than a filter: -1|abs is (-1)|abs.
  ExprPtr unary(bool with_filters) {
    int line = current().line;
    ExprPtr node;
    if (current().is_operator("-") || current().is_operator("+")) {
      auto level = enter();
      UnaryOp op = take().text == "-" ? UnaryOp::kNegative : UnaryOp::kPositive;
      node = make<UnaryExpr>(line, op, unary(false));
    } else {
      node = primary();
    }
    std::vector<Suffix> suffixes;
    postfix(suffixes);
    if (with_filters) filters_and_tests(suffixes);
    if (suffixes.empty()) return node;
    return make<PostfixExpr>(line, std::move(node), std::move(suffixes));
  }

  ExprPtr primary() {
    const Token& token = current();
    switch (token.kind) {
      case TokenKind::kName:
        return name();
      case TokenKind::kString:
        return string();
      case TokenKind::kInteger:
        return constant(take().line, Value(token.integer));
      case TokenKind::kFloat:
        return constant(take().line, Value(token.number));
      default:
        break;
    }
    if (skip_operator("(")) {
      auto level = enter();
      ExprPtr inner = tuple_or_expression({.in_parentheses = true});
      expect_operator(")");
      return inner;
    }
    if (current().is_operator("[")) return list();
    if (current().is_operator("{")) return dict();
    fail_expected("an expression");
  }

  static ExprPtr constant(int line, Value value) { return make<ConstantExpr>(line, std::move(value)); }

  ExprPtr name() {
    const Token& token = take();
    const std::string& text = token.text;
    if (text == "true" || text == "True") return constant(token.line, Value::boolean(true));
    if (text == "false" || text == "False") return constant(token.line, Value::boolean(false));
    if (text == "none" || text == "None") return constant(token.line, None{});
    Symbol read = symbol(text);
    if (macro_) {
      macro_->reads_varargs |= read == program_->known.varargs;
      macro_->reads_kwargs |= read == program_->known.kwargs;
      macro_->reads_caller |= read == program_->known.caller;
    }
    return make<NameExpr>(token.line, read);
  }

  ExprPtr string() {  // neighbours are one string
    int line = current().line;
    std::string text;
    while (current().kind == TokenKind::kString) text += take().text;
    return constant(line, make_text(std::move(text), Origin::kTemplate));
  }

  ExprPtr list() {
    auto level = enter();
    int line = take().line;
    std::vector<ExprPtr> items;
    while (!current().is_operator("]")) {
      if (!items.empty()) expect_operator(",");
      if (current().is_operator("]")) break;
      items.push_back(expression());
    }
    take();
    return make<SequenceExpr>(line, false, std::move(items));
  }

  ExprPtr dict() {
    auto level = enter();
    int line = take().line;
    std::vector<std::pair<ExprPtr, ExprPtr>> entries;
    while (!current().is_operator("}")) {
      if (!entries.empty()) expect_operator(",");
      if (current().is_operator("}")) break;
      ExprPtr key = expression();
      expect_operator(":");
      entries.emplace_back(std::move(key), expression());
    }
    take();
    return make<DictExpr>(line, std::move(entries));
  }

  // ---- suffixes ----

  void postfix(std::vector<Suffix>& into) {
    for (;;) {
      if (current().is_operator(".")) {
        into.push_back(attribute());
      } else if (current().is_operator("[")) {
        into.push_back(subscript());
      } else if (current().is_operator("(")) {
        into.push_back(call_suffix());
      } else {
        return;
      }
    }
  }

  void filters_and_tests(std::vector<Suffix>& into) {
    for (;;) {
      if (current().is_operator("|")) {
        into.push_back(filter());
      } else if (current().is_name("is")) {
        into.push_back(test());
      } else if (current().is_operator("(")) {
        into.push_back(call_suffix());
      } else {
        return;
      }
    }
  }

  Suffix attribute() {
    int line = take().line;
    if (current().kind == TokenKind::kInteger) {
      return Suffix{.kind = Suffix::Kind::kItem, .line = line, .item = constant(line, Value(take().integer))};
    }
    if (current().kind != TokenKind::kName) fail_expected("a name or a number");
    const std::string& name = take().text;
    return Suffix{
        .kind = Suffix::Kind::kAttribute, .line = line, .name = name, .key = make_text(name, Origin::kTemplate)};
  }

  Suffix subscript() {
    auto level = enter();
    int line = take().line;
    Suffix suffix{.kind = Suffix::Kind::kItem, .line = line};
    if (!current().is_operator(":")) suffix.item = expression();
    if (skip_operator(":")) {
      suffix.kind = Suffix::Kind::kSlice;
      suffix.start = std::move(suffix.item);
      auto is_over = [&] { return current().is_operator(":") || current().is_operator("]"); };
      if (!is_over()) suffix.stop = expression();
      if (skip_operator(":") && !is_over()) suffix.step = expression();
    }
    if (current().is_operator(",")) {
      throw Failure{.code = Code::kUnimplemented, .message = "subscripts of several parts", .line = line};
    }
    expect_operator("]");
    return suffix;
  }

  Suffix call_suffix() {
    int line = current().line;
    return Suffix{.kind = Suffix::Kind::kCall, .line = line, .arguments = arguments()};
  }

  Suffix filter() {
    take();  // |
    return filter_after_bar();
  }

  std::string dotted_name() {
    std::string name = expect_any_name();
    while (skip_operator(".")) name += "." + expect_any_name();
    return name;
  }

  Suffix filter_after_bar() {
    int line = current().line;
    Suffix suffix{.kind = Suffix::Kind::kFilter, .line = line, .name = dotted_name()};
    if (current().is_operator("(")) suffix.arguments = arguments();
    return suffix;
  }

  Suffix test() {
    int line = take().line;
    bool is_negated = skip_name("not");
    Suffix suffix{
        .kind = is_negated ? Suffix::Kind::kNotTest : Suffix::Kind::kTest, .line = line, .name = dotted_name()};
    const Token& next = current();
    bool is_word = next.kind == TokenKind::kName && next.text != "else" && next.text != "or" && next.text != "and";
    bool begins_argument = is_word || next.kind == TokenKind::kString || next.kind == TokenKind::kInteger ||
                           next.kind == TokenKind::kFloat || next.is_operator("[") || next.is_operator("{");
    if (next.is_operator("(")) {
      suffix.arguments = arguments();
    } else if (begins_argument) {
      if (next.is_name("is")) fail_at(next.line, "tests cannot be chained with 'is'");
      ExprPtr argument = primary();
      std::vector<Suffix> suffixes;
      postfix(suffixes);
      if (!suffixes.empty()) argument = make<PostfixExpr>(line, std::move(argument), std::move(suffixes));
      suffix.arguments.positional.push_back(std::move(argument));
    }
    return suffix;
  }

  CallArguments arguments() {
    auto level = enter();
    int line = take().line;
    CallArguments result;
    for (bool is_first = true; !current().is_operator(")"); is_first = false) {
      if (!is_first) {
        expect_operator(",");
        if (current().is_operator(")")) break;
      }
      bool may_follow = !result.more_keyword;
      if (may_follow && !result.more_positional && skip_operator("*")) {
        result.more_positional = expression();
      } else if (may_follow && skip_operator("**")) {
        result.more_keyword = expression();
      } else if (may_follow && current().kind == TokenKind::kName && look().is_operator("=")) {
        const std::string& name = take().text;
        take();
        result.keyword.emplace_back(name, expression());
      } else {
        bool is_late = result.more_positional || result.more_keyword || !result.keyword.empty();
        if (is_late) fail_at(line, "an argument stands after keyword, * or ** arguments");
        result.positional.push_back(expression());
      }
    }
    take();
    return result;
  }

  const std::vector<Token> tokens_;
  size_t pos_ = 0;
  int depth_ = 0;
  int loops_ = 0;                    // around the current token, inside its macro
  MacroStatement* macro_ = nullptr;  // around the current token
  std::unique_ptr<Program> program_;
};

}  // namespace

std::unique_ptr<const Program> parse(std::string_view source) {
  return Parser(source).run();
}

}  // namespace studio::engine::jinja
