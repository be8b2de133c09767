// Bit-identity: the same requests give the same ids and the same logit bits, whatever runs beside them, however prompts
// are cut, on any number of threads and with any kernel set.
//
// Usage: bit_identity MODEL GOLDEN COUNT [--alone] [--rows N] [--slow-tokens N] [--kv-type NAME] [--write]
// Every request runs in the first setting (two threads, 16 at once, or one with --alone) and again in another one; the
// others together hold every pair of values, and a setting of N at once gets N requests if so many are short enough.
// Both digests must be the golden ones, which another machine wrote. --rows takes only the first settings;
// --slow-tokens keeps longer requests away from the plain kernels; --kv-type is the engine's; --write makes GOLDEN from
// the first setting.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "engine/formats/gguf.h"
#include "engine/tokenizer/tokenizer.h"
#include "runner.h"

namespace studio::bit_identity {
namespace {

struct Options {
  std::string model, golden;
  int count = 0;
  size_t rows = SIZE_MAX;
  int slow_tokens = INT32_MAX;
  engine::KvType kv_type = engine::KvType::kInt16;
  bool is_alone = false;
  bool is_write = false;
};

struct Tally {
  int passed = 0, failed = 0;
};

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(Code::kNotFound, "cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<std::vector<engine::SequenceRequest>> requests_for(const Options& options) {
  STUDIO_TRY(auto file, engine::GgufFile::open(options.model));
  STUDIO_TRY(auto tokenizer, engine::Tokenizer::from_gguf(file));
  std::vector<engine::TokenId> ids;
  for (const char* name : {"english", "chinese", "code"}) {
    STUDIO_TRY(auto text, read_text(std::string(STUDIO_SOURCE_DIR "/tests/data/accuracy/") + name + ".txt"));
    std::vector<engine::TokenId> more = tokenizer->encode(text);
    ids.insert(ids.end(), more.begin(), more.end());
  }
  return make_requests(ids, tokenizer->vocab_size(), options.count);
}

std::string line_of(const Outcome& outcome) {
  return outcome.logits_digest.empty() ? outcome.digest : outcome.digest + " " + outcome.logits_digest;
}

Status write_golden(const Options& options, const RunResult& result) {
  std::ofstream file(options.golden);
  file << "# " << result.numerics_class << ", model " << result.model_digest << "; per request: digest of ids and "
       << "logprob bits, for some also of logits\n";
  for (const Outcome& outcome : result.outcomes) file << line_of(outcome) << "\n";
  if (!file) return Error(Code::kInternal, "cannot write " + options.golden);
  return Ok{};
}

Result<std::vector<std::string>> read_golden(const Options& options, const std::string& model_digest) {
  STUDIO_TRY(auto text, read_text(options.golden));
  std::stringstream lines(text);
  std::string line;
  std::getline(lines, line);
  if (line.find(model_digest) == std::string::npos) {
    return Error(Code::kFailedPrecondition, options.golden + " was made with another model file");
  }
  std::vector<std::string> golden;
  while (std::getline(lines, line)) golden.push_back(line);
  if (golden.size() < static_cast<size_t>(options.count)) {
    return Error(Code::kFailedPrecondition, options.golden + " holds fewer requests than are asked for");
  }
  return golden;
}

void compare(const RunResult& result, const std::vector<std::string>& golden, const Setting& setting, Tally& tally) {
  int wrong = 0;
  for (const Outcome& outcome : result.outcomes) {
    if (line_of(outcome) == golden[static_cast<size_t>(outcome.index)]) {
      ++tally.passed;
      continue;
    }
    ++tally.failed;
    if (++wrong <= 3) std::printf("FAILED request %d differs: %s\n", outcome.index, describe(setting).c_str());
  }
  std::printf("%3zu requests, %6d tokens, %6.1f s: %s (%s)\n", result.outcomes.size(), result.tokens, result.seconds,
              describe(setting).c_str(), result.kernels.c_str());
  std::fflush(stdout);
}

// Each request goes to one setting, in turn; long ones skip those with the plain kernels.
std::vector<std::vector<int>> share_out(const std::vector<engine::SequenceRequest>& requests,
                                        const std::vector<Setting>& settings, int slow_tokens) {
  std::vector<std::vector<int>> shares(settings.size());
  size_t next = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    size_t row = next++ % settings.size();
    for (size_t tried = 0; tried < settings.size(); ++tried) {
      bool is_slow = settings[row].kernels == engine::KernelChoice::kScalar;
      if (!is_slow || tokens_of(requests[i]) <= slow_tokens) break;
      row = next++ % settings.size();
    }
    shares[row].push_back(static_cast<int>(i));
  }
  return shares;
}

// Adds the cheapest requests to each share that has fewer than its setting runs at once, as far as there are any; long
// ones still skip the plain kernels.
void fill_up(const std::vector<engine::SequenceRequest>& requests, const std::vector<Setting>& settings,
             int slow_tokens, std::vector<std::vector<int>>& shares) {
  std::vector<int> cheapest;
  for (size_t i = 0; i < requests.size(); ++i) cheapest.push_back(static_cast<int>(i));
  std::sort(cheapest.begin(), cheapest.end(), [&](int a, int b) {
    const int first = tokens_of(requests[static_cast<size_t>(a)]), second = tokens_of(requests[static_cast<size_t>(b)]);
    return first != second ? first < second : a < b;
  });
  for (size_t row = 0; row < settings.size(); ++row) {
    std::vector<int>& share = shares[row];
    const bool is_slow = settings[row].kernels == engine::KernelChoice::kScalar;
    for (const int index : cheapest) {
      if (share.size() >= static_cast<size_t>(settings[row].concurrency)) break;
      if (is_slow && tokens_of(requests[static_cast<size_t>(index)]) > slow_tokens) break;
      if (std::find(share.begin(), share.end(), index) == share.end()) share.push_back(index);
    }
  }
}

Status run(const Options& options, Tally& tally) {
  STUDIO_TRY(auto requests, requests_for(options));
  std::vector<int> all;
  for (int i = 0; i < options.count; ++i) all.push_back(i);
  Setting first{.concurrency = options.is_alone ? 1 : 16,
                .prompt_chunk = 512,
                .threads = 2,
                .kernels = engine::KernelChoice::kAuto};
  STUDIO_TRY(RunResult result, run_setting(options.model, requests, all, options.kv_type, first));
  if (options.is_write) STUDIO_CHECK_OK(write_golden(options, result));
  STUDIO_TRY(auto golden, read_golden(options, result.model_digest));
  compare(result, golden, first, tally);

  std::vector<Setting> settings = every_pair_of_values();
  if (settings.size() > options.rows) settings.resize(options.rows);
  PairCount pairs = count_pairs(settings);
  std::printf("%zu settings hold %d of %d pairs of values\n", settings.size(), pairs.covered, pairs.all);
  auto shares = share_out(requests, settings, options.slow_tokens);
  fill_up(requests, settings, options.slow_tokens, shares);
  for (size_t row = 0; row < settings.size(); ++row) {
    if (shares[row].empty()) continue;
    STUDIO_TRY(RunResult other, run_setting(options.model, requests, shares[row], options.kv_type, settings[row]));
    compare(other, golden, settings[row], tally);
  }
  return Ok{};
}

}  // namespace
}  // namespace studio::bit_identity

int main(int argc, char** argv) {
  using namespace studio::bit_identity;
  if (argc < 4) {
    std::fprintf(stderr,
                 "usage: bit_identity MODEL GOLDEN COUNT [--alone] [--rows N] [--slow-tokens N] "
                 "[--kv-type NAME] [--write]\n");
    return 2;
  }
  Options options{.model = argv[1], .golden = argv[2], .count = std::atoi(argv[3])};
  for (int i = 4; i < argc; ++i) {
    if (std::strcmp(argv[i], "--write") == 0) options.is_write = true;
    if (std::strcmp(argv[i], "--alone") == 0) options.is_alone = true;
    if (std::strcmp(argv[i], "--rows") == 0 && i + 1 < argc) options.rows = std::strtoul(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--slow-tokens") == 0 && i + 1 < argc) options.slow_tokens = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--kv-type") == 0 && i + 1 < argc) {
      auto type = studio::engine::parse_kv_type(argv[i + 1]);
      if (!type.ok()) {
        std::fprintf(stderr, "bit_identity: %s\n", type.error().message().c_str());
        return 2;
      }
      options.kv_type = *type;
    }
  }
  Tally tally;
  studio::Status status = run(options, tally);
  if (!status.ok()) {
    std::printf("FAILED %s\n", status.error().message().c_str());
    ++tally.failed;
  }
  std::printf("%d passed, %d failed, 0 skipped\n", tally.passed, tally.failed);
  return tally.failed ? 1 : 0;
}
