// The compiled template: a tree of statements and expressions, immutable and shared by all renderings.
//
// Chains of one kind (a + b - c, x.y[0]|trim, elif after elif) are one node with a list, so the tree is only as deep as
// the source is nested. Statements are nested at most kMaxNesting deep, expressions kMaxExprDepth, which the parser
// checks: that bounds every recursion over the tree, its destructor included.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/templates/operators.h"
#include "engine/templates/value.h"

namespace studio::engine::jinja {

// A variable's name, as an index into Program::names.
using Symbol = uint32_t;

// ---- expressions ----

inline constexpr int kMaxExprDepth = 64;

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;
struct Suffix;

struct Expr {
  enum class Kind : uint8_t {
    kConstant,
    kName,
    kSequence,
    kDict,
    kUnary,
    kBinary,
    kConcat,
    kCompare,
    kLogic,
    kConditional,
    kPostfix,
  };

  Expr(Kind k, int l, int d) : kind(k), line(l), depth(d) {}
  Expr(const Expr&) = delete;
  virtual ~Expr() = default;

  const Kind kind;
  const int line;
  const int depth;  // 1 for a leaf
};

// The depth of the deepest child; 0 without one.
inline int deepest(const ExprPtr& child) {
  return child ? child->depth : 0;
}
int deepest(const Suffix& suffix);
template <typename A, typename B>
int deepest(const std::pair<A, B>& pair);
inline int deepest(BinaryOp) {
  return 0;
}
inline int deepest(CompareOp) {
  return 0;
}
inline int deepest(const std::string&) {
  return 0;
}
template <typename T>
int deepest(const std::vector<T>& children) {
  int depth = 0;
  for (const T& child : children) depth = std::max(depth, deepest(child));
  return depth;
}
template <typename A, typename B>
int deepest(const std::pair<A, B>& pair) {
  return std::max(deepest(pair.first), deepest(pair.second));
}

struct ConstantExpr : Expr {
  ConstantExpr(int l, Value v) : Expr(Kind::kConstant, l, 1), value(std::move(v)) {}
  const Value value;
};

struct NameExpr : Expr {
  NameExpr(int l, Symbol s) : Expr(Kind::kName, l, 1), symbol(s) {}
  const Symbol symbol;
};

// [a, b] or (a, b)
struct SequenceExpr : Expr {
  SequenceExpr(int l, bool tuple, std::vector<ExprPtr> e)
      : Expr(Kind::kSequence, l, 1 + deepest(e)), is_tuple(tuple), items(std::move(e)) {}
  const bool is_tuple;
  const std::vector<ExprPtr> items;
};

struct DictExpr : Expr {
  DictExpr(int l, std::vector<std::pair<ExprPtr, ExprPtr>> e)
      : Expr(Kind::kDict, l, 1 + deepest(e)), entries(std::move(e)) {}
  const std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};

enum class UnaryOp : uint8_t { kNot, kNegative, kPositive };
struct UnaryExpr : Expr {
  UnaryExpr(int l, UnaryOp o, ExprPtr e) : Expr(Kind::kUnary, l, 1 + deepest(e)), op(o), operand(std::move(e)) {}
  const UnaryOp op;
  const ExprPtr operand;
};

// first op operand op operand ..., from the left
struct BinaryExpr : Expr {
  using Rest = std::vector<std::pair<BinaryOp, ExprPtr>>;
  BinaryExpr(int l, ExprPtr f, Rest r)
      : Expr(Kind::kBinary, l, 1 + std::max(deepest(f), deepest(r))), first(std::move(f)), rest(std::move(r)) {}
  const ExprPtr first;
  const Rest rest;
};

// a ~ b ~ c
struct ConcatExpr : Expr {
  ConcatExpr(int l, std::vector<ExprPtr> p) : Expr(Kind::kConcat, l, 1 + deepest(p)), parts(std::move(p)) {}
  const std::vector<ExprPtr> parts;
};

// a < b <= c: each neighbouring pair must hold
struct CompareExpr : Expr {
  using Rest = std::vector<std::pair<CompareOp, ExprPtr>>;
  CompareExpr(int l, ExprPtr f, Rest r)
      : Expr(Kind::kCompare, l, 1 + std::max(deepest(f), deepest(r))), first(std::move(f)), rest(std::move(r)) {}
  const ExprPtr first;
  const Rest rest;
};

// a and b and c; a or b or c
struct LogicExpr : Expr {
  LogicExpr(int l, bool o, std::vector<ExprPtr> p)
      : Expr(Kind::kLogic, l, 1 + deepest(p)), is_or(o), parts(std::move(p)) {}
  const bool is_or;
  const std::vector<ExprPtr> parts;
};

// value if condition else value if condition ... else otherwise; undefined where there is no else
struct ConditionalExpr : Expr {
  using Branch = std::pair<ExprPtr, ExprPtr>;  // value, condition
  ConditionalExpr(int l, std::vector<Branch> b, ExprPtr o)
      : Expr(Kind::kConditional, l, 1 + std::max(deepest(b), deepest(o))),
        branches(std::move(b)),
        otherwise(std::move(o)) {}
  const std::vector<Branch> branches;
  const ExprPtr otherwise;
};

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keyword;
  ExprPtr more_positional = {}, more_keyword = {};  // *list and **dict; null where left out
};

// One step of base.name[item][a:b](arguments)|filter(arguments) is test(arguments)
struct Suffix {
  enum class Kind : uint8_t { kAttribute, kItem, kSlice, kCall, kFilter, kTest, kNotTest };
  Kind kind;
  int line;
  std::string name = {};                     // attribute, filter, test
  Value key = {};                            // attribute: its name as a string
  ExprPtr item = {};                         // item
  ExprPtr start = {}, stop = {}, step = {};  // slice; null where left out
  CallArguments arguments = {};              // call, filter, test
};
inline int deepest(const Suffix& suffix) {
  int slice = std::max({deepest(suffix.start), deepest(suffix.stop), deepest(suffix.step)});
  const CallArguments& arguments = suffix.arguments;
  int more = std::max(deepest(arguments.more_positional), deepest(arguments.more_keyword));
  return std::max({deepest(suffix.item), slice, more, deepest(arguments.positional), deepest(arguments.keyword)});
}

struct PostfixExpr : Expr {
  PostfixExpr(int l, ExprPtr b, std::vector<Suffix> s)
      : Expr(Kind::kPostfix, l, 1 + std::max(deepest(b), deepest(s))), base(std::move(b)), suffixes(std::move(s)) {}
  const ExprPtr base;
  const std::vector<Suffix> suffixes;
};

// ---- statements ----

// What an assignment fills: a name, a namespace's attribute, or a tuple of targets.
struct Target {
  Symbol symbol = 0;
  std::string attribute = {};  // of the namespace in symbol; empty: the name itself
  std::vector<Target> items = {};
  bool is_tuple = false;
};

struct Statement {
  enum class Kind : uint8_t {
    kText,
    kPrint,
    kSet,
    kSetBlock,
    kFor,
    kIf,
    kMacro,
    kCallBlock,
    kFilterBlock,
    kWith,
    kBreak,
    kContinue,
  };

  Statement(Kind k, int l) : kind(k), line(l) {}
  Statement(const Statement&) = delete;
  virtual ~Statement() = default;

  const Kind kind;
  const int line;
};
using Body = std::vector<std::unique_ptr<const Statement>>;

struct TextStatement : Statement {
  TextStatement(int l, Text t) : Statement(Kind::kText, l), text(std::move(t)) {}
  const Text text;
};

struct PrintStatement : Statement {
  PrintStatement(int l, ExprPtr e) : Statement(Kind::kPrint, l), expr(std::move(e)) {}
  const ExprPtr expr;
};

struct SetStatement : Statement {
  SetStatement(int l, Target t, ExprPtr v) : Statement(Kind::kSet, l), target(std::move(t)), value(std::move(v)) {}
  const Target target;
  const ExprPtr value;
};

// {% set x | filter %}...{% endset %}
struct SetBlockStatement : Statement {
  SetBlockStatement(int l, Target t, std::vector<Suffix> f, Body b)
      : Statement(Kind::kSetBlock, l), target(std::move(t)), filters(std::move(f)), body(std::move(b)) {}
  const Target target;
  const std::vector<Suffix> filters;
  const Body body;
};

struct ForStatement : Statement {
  explicit ForStatement(int l) : Statement(Kind::kFor, l) {}
  Target target;
  ExprPtr items;
  ExprPtr condition;  // null: every item
  Body body;
  Body otherwise;
};

struct IfStatement : Statement {
  struct Branch {
    ExprPtr condition;
    Body body;
  };
  explicit IfStatement(int l) : Statement(Kind::kIf, l) {}
  std::vector<Branch> branches;
  Body otherwise;
};

struct MacroStatement : Statement {
  struct Parameter {
    Symbol symbol;
    ExprPtr otherwise;  // null: undefined when left out
  };
  explicit MacroStatement(int l) : Statement(Kind::kMacro, l) {}
  Symbol name = 0;
  std::vector<Parameter> parameters;
  // Names its body reads that Jinja fills: the arguments left over, and the block of a `call`.
  bool reads_varargs = false, reads_kwargs = false, reads_caller = false;
  Body body;
};

// {% call(parameters) macro(...) %}...{% endcall %}: the macro sees the block as caller().
struct CallBlockStatement : Statement {
  explicit CallBlockStatement(int l) : Statement(Kind::kCallBlock, l) {}
  std::unique_ptr<const MacroStatement> block;
  std::unique_ptr<const PostfixExpr> call;  // its last suffix is a call
};

// {% filter name %}...{% endfilter %}; without filters the block of `generation`, which changes nothing
struct FilterBlockStatement : Statement {
  FilterBlockStatement(int l, std::vector<Suffix> f, Body b)
      : Statement(Kind::kFilterBlock, l), filters(std::move(f)), body(std::move(b)) {}
  const std::vector<Suffix> filters;
  const Body body;
};

struct WithStatement : Statement {
  explicit WithStatement(int l) : Statement(Kind::kWith, l) {}
  std::vector<std::pair<Target, ExprPtr>> variables;
  Body body;
};

struct BreakStatement : Statement {
  explicit BreakStatement(int l) : Statement(Kind::kBreak, l) {}
};
struct ContinueStatement : Statement {
  explicit ContinueStatement(int l) : Statement(Kind::kContinue, l) {}
};

// Names the interpreter itself fills.
struct KnownSymbols {
  Symbol loop, varargs, kwargs, caller;
};

struct Program {
  Body body;
  std::vector<std::string> names;  // by Symbol
  std::unordered_map<std::string, Symbol> symbols;
  KnownSymbols known{};
};

}  // namespace studio::engine::jinja
