// The accuracy gate: the engine, and any other engine given, against the plain reference on the same token sequences.
//
// accuracy --model FILE --tokens FILE [--engine-model FILE] [--other NAME=LOGITS]... [--threads N] [--sequences N]
//          [--digest HEX] [--json FILE] [--reference yes|no] [--kv-type int16|int8]
// --engine-model: what our engine loads instead (a copy with a planted fault). --other: f32 logits of another engine
// for the same tokens, read in step (a named pipe serves). Exit 0: finite, each figure of ours <= each other engine's,
// and the digest of our logits as given. --reference no: the engine alone, for its digest; where that is the digest of
// an earlier run, so are all figures. Exit 1: the gate is red; what made it red is printed.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "divergence.h"
#include "engine/schedule/engine.h"
#include "reference_model.h"

namespace {

using studio::reference::Divergence;
using studio::reference::LogitDigest;
using studio::reference::Summary;

struct Arguments {
  std::string model, engine_model, tokens, digest, json;
  std::vector<std::pair<std::string, std::string>> others;
  int threads = 2;
  int sequences = 1 << 30;
  bool has_reference = true;
  studio::engine::KvType kv_type = studio::engine::KvType::kInt16;
};

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

[[noreturn]] void die(const std::string& text) {
  std::fprintf(stderr, "accuracy: %s\n", text.c_str());
  std::exit(2);
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--model")
      arguments.model = value;
    else if (name == "--engine-model")
      arguments.engine_model = value;
    else if (name == "--tokens")
      arguments.tokens = value;
    else if (name == "--digest")
      arguments.digest = value;
    else if (name == "--json")
      arguments.json = value;
    else if (name == "--threads")
      arguments.threads = std::atoi(value.c_str());
    else if (name == "--reference" && (value == "yes" || value == "no"))
      arguments.has_reference = value == "yes";
    else if (auto type = studio::engine::parse_kv_type(value); name == "--kv-type" && type.ok())
      arguments.kv_type = *type;
    else if (name == "--sequences")
      arguments.sequences = std::atoi(value.c_str());
    else if (name == "--other" && value.find('=') != std::string::npos)
      arguments.others.emplace_back(value.substr(0, value.find('=')), value.substr(value.find('=') + 1));
    else
      die("unknown argument " + name);
  }
  if (arguments.model.empty() || arguments.tokens.empty()) die("--model and --tokens are needed");
  if (arguments.engine_model.empty()) arguments.engine_model = arguments.model;
  return arguments;
}

std::vector<std::vector<int32_t>> read_tokens(const std::string& path, int limit) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) die("cannot open " + path);
  std::vector<std::vector<int32_t>> sequences;
  int32_t length = 0;
  while (static_cast<int>(sequences.size()) < limit && std::fread(&length, 4, 1, file.get()) == 1) {
    if (length < 1 || length > 2048) die("a sequence of " + std::to_string(length) + " tokens");
    std::vector<int32_t> ids(static_cast<size_t>(length));
    if (std::fread(ids.data(), 4, ids.size(), file.get()) != ids.size()) die("the token file is cut");
    sequences.push_back(std::move(ids));
  }
  return sequences;
}

void print(const char* name, const Summary& s) {
  std::printf("%-16s %8zu %12.6f %12.6f %9.3f%% %+12.6f %10.6f %14.6f\n", name, s.positions, s.mean_kl, s.p999_kl,
              100 * s.top1_disagreement, s.perplexity_ratio - 1, s.perplexity_noise,
              s.reference_perplexity * s.perplexity_ratio);
}

void write_figures(FILE* file, const Summary& s) {
  std::fprintf(file,
               "{\"mean_kl\": %.9f, \"p999_kl\": %.9f, \"top1_disagreement\": %.9f, \"perplexity_error\": %.9f, "
               "\"perplexity_noise\": %.9f, \"perplexity\": %.9f}",
               s.mean_kl, s.p999_kl, s.top1_disagreement, std::fabs(s.perplexity_ratio - 1), s.perplexity_noise,
               s.reference_perplexity * s.perplexity_ratio);
}

bool no_worse(const char* what, double ours, double other, const std::string& name) {
  if (ours <= other) return true;
  std::printf("RED: %s %.6f is above %s's %.6f\n", what, ours, name.c_str(), other);
  return false;
}

// Prints the figures; false where one is worse than another engine's, or a logit is not finite.
bool compare_figures(const Arguments& arguments, const Summary& mine_summary, const std::vector<Divergence>& theirs) {
  std::printf("%-16s %8s %12s %12s %10s %12s %10s %14s\n", "engine", "tokens", "mean KL", "p99.9 KL", "top-1",
              "ppl ratio-1", "noise", "perplexity");
  print("studio", mine_summary);
  bool green = mine_summary.finite;
  if (!green) std::printf("RED: a logit is not finite\n");
  for (size_t o = 0; o < theirs.size(); ++o) {
    const Summary other = theirs[o].summary();
    const std::string& name = arguments.others[o].first;
    print(name.c_str(), other);
    green &= no_worse("mean KL", mine_summary.mean_kl, other.mean_kl, name);
    green &= no_worse("p99.9 KL", mine_summary.p999_kl, other.p999_kl, name);
    green &= no_worse("top-1 disagreement", mine_summary.top1_disagreement, other.top1_disagreement, name);
    // Both scatter with the choice of tokens: above it by more than their difference does.
    const double noise = std::hypot(mine_summary.perplexity_noise, other.perplexity_noise);
    green &= no_worse("|perplexity ratio - 1|", std::fabs(mine_summary.perplexity_ratio - 1),
                      std::fabs(other.perplexity_ratio - 1) + noise, name);
  }
  return green;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  const auto sequences = read_tokens(arguments.tokens, arguments.sequences);
  std::unique_ptr<studio::reference::ReferenceModel> reference;
  if (arguments.has_reference) {
    auto opened = studio::reference::ReferenceModel::open(arguments.model, arguments.threads);
    if (!opened.ok()) die(opened.error().message());
    reference = std::move(*opened);
  }
  studio::engine::EngineOptions options;
  options.model_path = arguments.engine_model;
  options.threads = arguments.threads;
  options.max_sequences = 1;
  options.kv_type = arguments.kv_type;
  auto engine = studio::engine::Engine::load(options);
  if (!engine.ok()) die(engine.error().message());
  const size_t vocab = static_cast<size_t>((*engine)->info().vocab_size);

  std::vector<File> others;
  for (const auto& [name, path] : arguments.others) {
    others.emplace_back(std::fopen(path.c_str(), "rb"));
    if (!others.back()) die("cannot open " + path);
  }
  Divergence ours;
  LogitDigest digest_of_ours;
  std::vector<Divergence> theirs(others.size());
  std::vector<float> row(vocab), mine;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const auto& ids = sequences[s];
    mine.resize(ids.size() * vocab);
    auto done = (*engine)->logits(ids, 512, [&](int position, const float* logits) {
      std::memcpy(mine.data() + static_cast<size_t>(position) * vocab, logits, vocab * sizeof(float));
    });
    if (!done.ok()) die(done.error().message());
    digest_of_ours.add(mine);
    for (size_t o = 0; o < others.size(); ++o) {
      int32_t length = 0;
      if (std::fread(&length, 4, 1, others[o].get()) != 1 || length != static_cast<int32_t>(ids.size()))
        die(arguments.others[o].first + " gives other sequences");
    }
    const auto compare = [&](int position, const float* logits) {
      const size_t p = static_cast<size_t>(position);
      const int32_t next = p + 1 < ids.size() ? ids[p + 1] : -1;
      const studio::reference::ReferenceRow truth({logits, vocab});
      ours.add(truth, {mine.data() + p * vocab, vocab}, next);
      for (size_t o = 0; o < others.size(); ++o) {
        if (std::fread(row.data(), sizeof(float), vocab, others[o].get()) != vocab)
          die(arguments.others[o].first + " ends early");
        theirs[o].add(truth, row, next);
      }
    };
    if (reference) reference->logits(ids, compare);
    std::fprintf(stderr, "\rsequence %zu of %zu", s + 1, sequences.size());
  }
  std::fprintf(stderr, "\n");

  bool green = true;
  if (reference) green = compare_figures(arguments, ours.summary(), theirs);
  char digest[17];
  std::snprintf(digest, sizeof digest, "%016llx", static_cast<unsigned long long>(digest_of_ours.value()));
  std::printf("digest of our logits: %s\n", digest);
  if (!arguments.digest.empty() && arguments.digest != digest) {
    std::printf("RED: the digest is not %s: some weight, order of operations or kernel changed\n",
                arguments.digest.c_str());
    green = false;
  }
  if (!arguments.json.empty()) {
    const File file(std::fopen(arguments.json.c_str(), "w"));
    if (!file) die("cannot write " + arguments.json);
    std::fprintf(file.get(), "{\"digest\": \"%s\", \"ours\": ", digest);
    write_figures(file.get(), ours.summary());
    std::fprintf(file.get(), ", \"others\": {");
    for (size_t o = 0; o < theirs.size(); ++o) {
      std::fprintf(file.get(), "%s\"%s\": ", o ? ", " : "", arguments.others[o].first.c_str());
      write_figures(file.get(), theirs[o].summary());
    }
    std::fprintf(file.get(), "}}\n");
  }
  std::printf("accuracy: %s\n", green ? "green" : "red");
  return green ? 0 : 1;
}
