// The sampler by itself, for the NumPy reference.
//
// sampling_tool record MODEL OUT: logits of a fixed text's last positions to OUT: int32 rows, int32 V, rows x V x f32.
// sampling_tool draw LOGITS: reads one job a line from standard input,
//   row temperature top_k top_p min_p repetition presence frequency seed stream position count top | id:bias ... |
//   prompt ids ... | output ids ...
// and answers each with a line: `count` drawn ids at rising positions; where top >= 0 then "|", the first id's logprob
// and the alternatives as id:logprob.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "engine/formats/gguf.h"
#include "engine/sampling/sampler.h"
#include "engine/schedule/engine.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

using namespace studio;
using namespace studio::engine;

constexpr const char* kText =
    "Once upon a time, in a village by the sea, there lived a girl who built clocks. def f(x):";
constexpr int kRows = 6;

int fail(const std::string& text) {
  std::fprintf(stderr, "sampling_tool: %s\n", text.c_str());
  return 1;
}

int record(const std::string& model, const std::string& out_path) {
  auto file = GgufFile::open(model);
  if (!file.ok()) return fail(file.error().message());
  auto tokenizer = Tokenizer::from_gguf(*file);
  auto engine = Engine::load({.model_path = model});
  if (!tokenizer.ok() || !engine.ok()) return fail("the model cannot be loaded");
  std::vector<TokenId> ids = (*tokenizer)->encode(kText);
  std::ofstream out(out_path, std::ios::binary);
  const int32_t vocab = (*engine)->info().vocab_size;
  out.write(reinterpret_cast<const char*>(&kRows), 4);
  out.write(reinterpret_cast<const char*>(&vocab), 4);
  Status status = (*engine)->logits(ids, 512, [&](int position, const float* row) {
    if (position < static_cast<int>(ids.size()) - kRows) return;
    out.write(reinterpret_cast<const char*>(row), static_cast<std::streamsize>(vocab) * 4);
  });
  return status.ok() && out ? 0 : fail("the logits cannot be written");
}

struct Job {
  size_t row = 0;
  SamplingParams params;
  uint64_t position = 0;
  int count = 0, top = -1;
  TokenHistory history;
};

Job parse(const std::string& line) {
  Job job;
  std::stringstream parts(line);
  std::string head, biases, prompt, output;
  std::getline(parts, head, '|');
  std::getline(parts, biases, '|');
  std::getline(parts, prompt, '|');
  std::getline(parts, output, '|');
  SamplingParams& p = job.params;
  std::stringstream(head) >> job.row >> p.temperature >> p.top_k >> p.top_p >> p.min_p >> p.repetition_penalty >>
      p.presence_penalty >> p.frequency_penalty >> p.seed >> p.stream >> job.position >> job.count >> job.top;
  p.logprobs = job.top >= 0;
  p.top_logprobs = std::max(job.top, 0);
  std::stringstream bias_words(biases), prompt_words(prompt), output_words(output);
  TokenId id = 0;
  float bias = 0;
  char colon = 0;
  while (bias_words >> id >> colon >> bias) p.logit_bias.emplace_back(id, bias);
  std::vector<TokenId> prompt_ids;
  while (prompt_words >> id) prompt_ids.push_back(id);
  job.history.add_prompt(prompt_ids);
  while (output_words >> id) job.history.add_output(id);
  return job;
}

int draw(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  int32_t rows = 0, vocab = 0;
  file.read(reinterpret_cast<char*>(&rows), 4);
  file.read(reinterpret_cast<char*>(&vocab), 4);
  std::vector<float> logits(static_cast<size_t>(rows) * static_cast<size_t>(vocab));
  file.read(reinterpret_cast<char*>(logits.data()), static_cast<std::streamsize>(logits.size() * 4));
  if (!file) return fail("cannot read " + path);
  Sampler sampler(vocab);
  std::string line;
  while (std::getline(std::cin, line)) {
    Job job = parse(line);
    std::span<float> row(logits.data() + job.row * static_cast<size_t>(vocab), static_cast<size_t>(vocab));
    std::string first;
    for (int i = 0; i < job.count; ++i) {
      auto token = sampler.sample(row, job.params, job.history, job.position + static_cast<uint64_t>(i));
      if (!token.ok()) return fail(token.error().message());
      std::printf("%d ", token->id);
      if (i > 0 || job.top < 0) continue;
      char text[64];
      std::snprintf(text, sizeof text, "| %.9g", token->logprob);
      first = text;
      for (const TopLogprob& top : token->top_logprobs) {
        std::snprintf(text, sizeof text, " %d:%.9g", top.id, top.logprob);
        first += text;
      }
      job.params.logprobs = false;
      job.params.top_logprobs = 0;
    }
    std::printf("%s\n", first.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "record") == 0) return record(argv[2], argv[3]);
  if (argc == 3 && std::strcmp(argv[1], "draw") == 0) return draw(argv[2]);
  return fail("usage: sampling_tool record MODEL OUT | draw LOGITS");
}
