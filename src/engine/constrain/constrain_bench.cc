// Times of constraints over a real vocabulary. Usage: constrain_bench MODEL.gguf SCHEMAS.jsonl
// compile: from the schema's JSON to a constraint. ahead: what is made before answers begin. first mask: the first of a
// fresh pool. mask: each state's first time afterwards. again: the same masks from the pool. token: asking and taking
// one token, states made on the way. Texts are drawn from the masks, half of the time from what closes something, as a
// model's would.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "engine/constrain/constraint.h"
#include "engine/constrain/matcher.h"
#include "engine/formats/gguf.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

using namespace studio;
using namespace studio::engine;
using namespace studio::engine::constrain;

constexpr int kWalks = 3, kTokens = 150;

template <typename Fn>
double micros(Fn&& fn) {
  const auto start = std::chrono::steady_clock::now();
  fn();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

struct Times {
  const char* name;
  std::vector<double> micros;

  void print() {
    if (micros.empty()) return;
    std::sort(micros.begin(), micros.end());
    double sum = 0;
    for (const double each : micros) sum += each;
    const auto at = [&](double part) {
      return micros[static_cast<size_t>(part * static_cast<double>(micros.size() - 1))];
    };
    std::printf("%-12s %8zu  mean %9.2f  p50 %9.2f  p90 %9.2f  p99 %9.2f  max %9.2f us\n", name, micros.size(),
                sum / static_cast<double>(micros.size()), at(0.5), at(0.9), at(0.99), micros.back());
  }
};

struct Bench {
  std::shared_ptr<const TokenTrie> trie;
  Times compile{"compile", {}}, ahead{"ahead", {}}, first{"first mask", {}}, mask{"mask", {}}, again{"again", {}},
      token{"token", {}};
  size_t refused = 0, stuck = 0, largest_bytes = 0;
  std::mt19937 random{11};

  void run(const boost::json::value& schema) {
    Constraint::Made made = Error(Code::kInternal, "");
    compile.micros.push_back(micros([&] { made = Constraint::from_schema(schema); }));
    if (!made.ok()) {
      ++refused;
      return;
    }
    MatcherPool pool(*made, trie);
    ahead.micros.push_back(micros([&] { pool.make_ahead(); }));
    Matcher start = pool.start();
    first.micros.push_back(micros([&] { (void)start.mask(); }));
    for (int i = 0; i < kWalks; ++i) walk(start);
    largest_bytes = std::max(largest_bytes, pool.memory_bytes());
  }

  void walk(Matcher matcher) {
    for (int i = 0; i < kTokens && !matcher.has_ended(); ++i) {
      std::shared_ptr<const TokenMask> allowed;
      mask.micros.push_back(micros([&] { allowed = matcher.mask(); }));
      again.micros.push_back(micros([&] { allowed = matcher.mask(); }));
      const TokenId id = pick(*allowed);
      if (id < 0) {
        ++stuck;
        return;
      }
      bool taken = false;
      token.micros.push_back(micros([&] { taken = matcher.allows(id) && matcher.accept(id); }));
      if (!taken) std::printf("a token of the mask was refused\n");
    }
  }

  TokenId pick(const TokenMask& allowed) {
    std::vector<TokenId> ids, closing;
    for (TokenId id = 0; id < static_cast<TokenId>(allowed.token_count()); ++id) {
      if (!allowed.allows(id)) continue;
      ids.push_back(id);
      const std::string_view text = trie->bytes(id);
      if (trie->is_end(id) || text == "\"" || text == "}" || text == "]" || text == "\",") closing.push_back(id);
    }
    if (!closing.empty() && random() % 2 == 0) return closing[random() % closing.size()];
    return ids.empty() ? -1 : ids[random() % ids.size()];
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: constrain_bench MODEL.gguf SCHEMAS.jsonl\n"), 2;
  auto file = GgufFile::open(argv[1]);
  if (!file.ok()) return std::fprintf(stderr, "%s\n", file.error().message().c_str()), 1;
  auto tokenizer = Tokenizer::from_gguf(*file);
  auto text = read_file(argv[2], 1u << 30);
  if (!tokenizer.ok() || !text.ok()) return std::fprintf(stderr, "no vocabulary, or no schemas\n"), 1;
  std::vector<std::string_view> tokens;
  for (TokenId id = 0; id < (*tokenizer)->vocab_size(); ++id) {
    tokens.push_back((*tokenizer)->is_control(id) ? std::string_view() : (*tokenizer)->token_bytes(id));
  }
  const TokenId ends[] = {(*tokenizer)->eos()};
  Bench bench;
  const double built = micros([&] { bench.trie = std::make_shared<TokenTrie>(tokens, ends); });
  std::printf("vocabulary of %zu tokens: %.1f ms\n", tokens.size(), built / 1000);
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1);
    auto entry = parse_json(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    const auto* schema = entry.ok() && entry->is_object() ? entry->get_object().if_contains("schema") : nullptr;
    if (schema != nullptr) bench.run(*schema);
  }
  for (Times* times : {&bench.compile, &bench.ahead, &bench.first, &bench.mask, &bench.again, &bench.token})
    times->print();
  std::printf("refused %zu, stuck %zu, largest tables %.1f MB\n", bench.refused, bench.stuck,
              static_cast<double>(bench.largest_bytes) / 1e6);
  return 0;
}
