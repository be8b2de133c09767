// Compiles schemas, draws texts from them and takes the times: one JSON line a schema on stdin, one answer on stdout.
//
// Usage: schema_tool VOCABULARY.gguf|tokenizer.json [DRAWS [TOKENS]]
// Request: {"name": ..., "schema": ..., "tests": [{"data": ..., "valid": ...}, ...]}
// Answer:  {"name", "refused": pointer, "code", "message", "compile_us"} or
//          {"name", "compile_us", "memory", "texts": [...], "unfinished": N, "accepted": [whether each test's data is]}
// Last:    {"times": {NAME: {"count", "mean", "p50", "p99", "max"}, ...}} in microseconds of the thread's own time
// (verify: of the clock).
//   first    the mask at the start of a fresh pool, with what it needs of the automaton
//   mask     the mask of a state, each state of a pool once
//   every    the mask at each token drawn, kept ones included
//   verify   asking for one token and taking it
//   token    a token as an engine pays for it: verify, and every tenth time the mask (a model's choice is refused
//            about that often)
// Texts are drawn as from random logits: any token of the mask alike, but half of the time one that closes something.
#include <algorithm>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "engine/constrain/constraint.h"
#include "engine/constrain/matcher.h"
#include "engine/formats/gguf.h"
#include "engine/tokenizer/tokenizer.h"

namespace studio::engine::constrain {
namespace {

namespace json = boost::json;

constexpr size_t kRefusedOnceIn = 10;
constexpr size_t kMostVocabularyBytes = 64u << 20;

template <typename Fn>
double micros(Fn&& fn) {
  const auto start = std::chrono::steady_clock::now();
  fn();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

// Of this thread alone, for what takes long enough that others take the core meanwhile.
template <typename Fn>
double cpu_micros(Fn&& fn) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  };
  const double start = now();
  fn();
  return now() - start;
}

json::object summary(std::vector<double>& times) {
  if (times.empty()) return {};
  std::ranges::sort(times);
  double sum = 0;
  for (const double time : times) sum += time;
  const auto count = static_cast<double>(times.size());
  const auto at = [&](double part) { return times[static_cast<size_t>(part * (count - 1))]; };
  return {{"count", times.size()}, {"mean", sum / count}, {"p50", at(0.5)}, {"p99", at(0.99)}, {"max", times.back()}};
}

Result<std::shared_ptr<const Tokenizer>> open_vocabulary(const std::string& path) {
  if (path.ends_with(".gguf")) {
    STUDIO_TRY(auto file, GgufFile::open(path));
    return Tokenizer::from_gguf(file);
  }
  STUDIO_TRY(auto text, read_file(path, kMostVocabularyBytes));
  return Tokenizer::from_json(text);
}

class SchemaTool {
 public:
  SchemaTool(const Tokenizer& tokenizer, size_t draws, size_t tokens) : draws_(draws), tokens_(tokens) {
    std::vector<std::string_view> texts;
    for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
      texts.push_back(tokenizer.is_control(id) ? std::string_view() : tokenizer.token_bytes(id));
    }
    const TokenId ends[] = {tokenizer.eos()};
    times_["vocabulary"].push_back(micros([&] { trie_ = std::make_shared<TokenTrie>(texts, ends); }));
    closing_ = TokenMask(trie_->token_count());
    for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
      const std::string_view text = trie_->bytes(id);
      if (trie_->is_end(id) || text == "\"" || text == "}" || text == "]" || text == "\",") closing_.allow(id);
    }
  }

  json::object answer(const json::object& request) {
    json::object answer{{"name", request.at("name")}};
    Constraint::Made made = Error(Code::kInternal, "");
    const double compile_us = cpu_micros([&] { made = Constraint::from_schema(request.at("schema")); });
    answer["compile_us"] = compile_us;
    if (!made.ok()) {
      answer["refused"] = made.error().param();
      answer["code"] = std::string(code_name(made.error().code()));
      answer["message"] = made.error().message();
      return answer;
    }
    times_["compile"].push_back(compile_us);
    MatcherPool pool(*made, trie_);
    times_["first"].push_back(cpu_micros([&] { (void)pool.start().mask(); }));
    draw_texts(pool, answer);
    json::array accepted;
    if (const auto* tests = request.if_contains("tests")) {
      for (const auto& test : tests->as_array()) accepted.emplace_back(accepts(pool.start(), test.at("data")));
    }
    answer["accepted"] = std::move(accepted);
    answer["memory"] = pool.memory_bytes();
    return answer;
  }

  json::object times() {
    json::object all;
    for (auto& [name, times] : times_) all[name] = summary(times);
    return all;
  }

 private:
  void draw_texts(MatcherPool& pool, json::object& answer) {
    json::array texts;
    size_t unfinished = 0;
    random_.seed(11);  // the same texts whatever schemas came before
    for (size_t i = 0; i < draws_; ++i) {
      Matcher matcher = pool.start();
      std::string text;
      for (size_t n = 0; n < tokens_ && !matcher.has_ended(); ++n) {
        if (!draw_token(matcher, text)) break;
      }
      if (matcher.has_ended()) texts.emplace_back(text);
      unfinished += matcher.has_ended() ? 0 : 1;
    }
    answer["texts"] = std::move(texts);
    answer["unfinished"] = unfinished;
  }

  bool draw_token(Matcher& matcher, std::string& text) {
    std::shared_ptr<const TokenMask> mask;
    const bool is_known = matcher.knows_mask();
    const double mask_us = cpu_micros([&] { mask = matcher.mask(); });
    times_["every"].push_back(mask_us);
    if (!is_known) times_["mask"].push_back(mask_us);
    const TokenId id = pick(*mask);
    if (id < 0) return false;
    bool is_taken = false;
    const double verify_us = micros([&] { is_taken = matcher.allows(id) && matcher.accept(id); });
    if (!is_taken) std::abort();  // the mask allowed it
    times_["verify"].push_back(verify_us);
    times_["token"].push_back(verify_us + (++drawn_ % kRefusedOnceIn == 0 ? mask_us : 0));
    text += trie_->bytes(id);
    return true;
  }

  TokenId pick(const TokenMask& mask) {
    if (random_() % 2 == 0) {
      TokenMask both = mask;
      both.keep(closing_);
      if (const TokenId id = any_of(both); id >= 0) return id;
    }
    return any_of(mask);
  }

  TokenId any_of(const TokenMask& mask) {
    const size_t count = mask.count();
    if (count == 0) return -1;
    size_t left = random_() % count;
    for (size_t i = 0;; ++i) {
      uint64_t word = mask.words()[i];
      const auto here = static_cast<size_t>(std::popcount(word));
      if (left >= here) {
        left -= here;
        continue;
      }
      for (; left > 0; --left) word &= word - 1;
      return static_cast<TokenId>(i * 64 + static_cast<size_t>(std::countr_zero(word)));
    }
  }

  static bool accepts(Matcher matcher, const json::value& value) {
    return matcher.accept_text(to_json(value)) && matcher.may_end();
  }

  size_t draws_, tokens_, drawn_ = 0;
  std::shared_ptr<const TokenTrie> trie_;
  TokenMask closing_;
  std::mt19937 random_{11};
  std::map<std::string, std::vector<double>> times_;
};

int run(int argc, char** argv) {
  if (argc < 2) return std::cerr << "usage: schema_tool VOCABULARY [DRAWS [TOKENS]]\n", 2;
  auto tokenizer = open_vocabulary(argv[1]);
  if (!tokenizer.ok()) return std::cerr << tokenizer.error().message() << "\n", 1;
  std::ios::sync_with_stdio(false);
  SchemaTool tool(**tokenizer, argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 3,
                  argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 200);
  for (std::string line; std::getline(std::cin, line);) {
    const auto request = parse_json(line);
    if (request.ok() && request->is_object()) {
      std::cout << to_json(tool.answer(request->get_object())) << "\n";
    } else {  // numbers past 64 bits, nesting past the limit: the edge refuses them too
      std::cout << R"({"refused": "", "code": "unreadable", "message": "not JSON as requests may be", "compile_us": 0})"
                << "\n";
    }
  }
  std::cout << to_json(json::object{{"times", tool.times()}}) << "\n";
  return 0;
}

}  // namespace
}  // namespace studio::engine::constrain

int main(int argc, char** argv) {
  return studio::engine::constrain::run(argc, argv);
}
