// Adapters on small models: against the logits that PEFT gives, from its own files and from GGUF; and rows of a batch
// against each alone, to the bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/digest.h"
#include "engine/formats/lora_writer.h"
#include "engine/formats/open_model.h"
#include "engine/kernels/kernel_set.h"
#include "engine/schedule/engine.h"
#include "logit_error.h"
#include "sequence_files.h"

namespace studio::golden {
namespace {

using engine::Engine;
using engine::LoraStorage;

// The goal for adapters. The models are F32; what differs is the 16 bits of keys and values, and of the factors.
constexpr double kTolerance = 1e-3;
constexpr double kCoarseTolerance = 3e-2;

std::string folder(const std::string& name) {
  return std::string(STUDIO_SOURCE_DIR "/tests/golden/") + name;
}

std::unique_ptr<Engine> load_engine(const std::string& model, engine::KernelChoice kernels, int sequences = 1) {
  engine::EngineOptions options;
  options.model_path = folder("models/" + model + ".gguf");
  options.threads = 2;
  options.kernels = kernels;
  options.max_sequences = sequences;
  options.context_tokens = 256;
  auto loaded = Engine::load(options);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message();
  return loaded.ok() ? std::move(loaded).value() : nullptr;
}

// The adapter at `path` as engines take it; held by the engine when it returns its digest.
std::string give(Engine& engine, const std::string& model, const std::string& path, LoraStorage storage) {
  const auto base = engine::read_model_head(folder("models/" + model + ".gguf")).value();
  auto source = engine::LoraSource::open(path, base);
  EXPECT_TRUE(source.ok()) << source.error().message();
  if (!source.ok()) return "";
  const auto bytes = engine::write_lora(*source, storage).value();
  const std::string digest = to_hex(sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  Status loaded = engine.load_adapter(digest, bytes);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message();
  return digest;
}

std::vector<float> logits(Engine& engine, const std::vector<int32_t>& ids, int chunk, const std::string& adapter) {
  const auto vocab = static_cast<size_t>(engine.info().vocab_size);
  std::vector<float> rows(ids.size() * vocab);
  auto done = engine.logits(
      ids, chunk,
      [&](int position, const float* row) {
        std::copy_n(row, vocab, rows.data() + static_cast<size_t>(position) * vocab);
      },
      adapter);
  EXPECT_TRUE(done.ok()) << done.error().message();
  return rows;
}

struct Case {
  const char *adapter, *model;
  bool has_gguf;
};

class GoldenAdapter : public testing::TestWithParam<Case> {
 protected:
  std::string path(const std::string& suffix) const { return folder("adapters/") + GetParam().adapter + suffix; }
  std::vector<std::vector<int32_t>> contexts() const {
    return read_tokens(folder("models/") + GetParam().model + ".tokens").value();
  }
  // The largest error over all contexts, as a share of the range.
  double error_of(Engine& engine, const std::string& digest) const {
    return largest_error(engine, path(".logits"), LogitFile::Kind::kPicked, digest);
  }

 private:
  double largest_error(Engine& engine, const std::string& expected_logits, LogitFile::Kind kind,
                       const std::string& digest) const {
    const auto vocab = static_cast<size_t>(engine.info().vocab_size);
    auto file = LogitFile::open(expected_logits, kind, vocab).value();
    double worst = 0;
    for (const auto& ids : contexts()) {
      const LogitRows expected = file.next().value();
      const std::vector<float> rows = logits(engine, ids, 512, digest);
      for (size_t i = 0; i < expected.positions.size(); ++i) {
        const auto at = static_cast<size_t>(expected.positions[i]) * vocab;
        worst = std::max(worst, logit_error(expected.values.data() + i * vocab, rows.data() + at, vocab));
      }
    }
    return worst;
  }
};

TEST_P(GoldenAdapter, GivesTheLogitsOfPeft) {
  auto engine = load_engine(GetParam().model, engine::KernelChoice::kAuto);
  ASSERT_NE(engine, nullptr);
  EXPECT_GT(error_of(*engine, ""), 0.1) << "the adapter moves nothing";
  const double error = error_of(*engine, give(*engine, GetParam().model, path(""), LoraStorage::kInt16));
  EXPECT_LT(error, kTolerance);
  RecordProperty("error", std::to_string(error));
}

// What 8 bits save is paid for: wrong scales would show as 0.1 and more.
TEST_P(GoldenAdapter, EightBitsComeNear) {
  auto engine = load_engine(GetParam().model, engine::KernelChoice::kAuto);
  ASSERT_NE(engine, nullptr);
  const double error = error_of(*engine, give(*engine, GetParam().model, path(""), LoraStorage::kInt8));
  EXPECT_LT(error, kCoarseTolerance);
  RecordProperty("error", std::to_string(error));
}

class GoldenAdapterInGguf : public GoldenAdapter {};
TEST_P(GoldenAdapterInGguf, IsTheSame) {
  auto engine = load_engine(GetParam().model, engine::KernelChoice::kAuto);
  ASSERT_NE(engine, nullptr);
  const std::string peft = give(*engine, GetParam().model, path(""), LoraStorage::kInt16);
  const std::string gguf = give(*engine, GetParam().model, path(".gguf"), LoraStorage::kInt16);
  for (const auto& ids : contexts()) EXPECT_EQ(logits(*engine, ids, 512, peft), logits(*engine, ids, 512, gguf));
}

TEST_P(GoldenAdapter, EveryKernelSetAndChunkGivesTheSameBits) {
  std::vector<float> first;
  static const std::map<engine::Isa, engine::KernelChoice> kChoices = {
      {engine::Isa::kScalar, engine::KernelChoice::kScalar},
      {engine::Isa::kAvx2, engine::KernelChoice::kAvx2},
      {engine::Isa::kAvx512, engine::KernelChoice::kAvx512},
      {engine::Isa::kAmx, engine::KernelChoice::kAmx}};
  for (const engine::KernelSet* set : engine::available_kernels()) {
    auto engine = load_engine(GetParam().model, kChoices.at(set->isa));
    ASSERT_NE(engine, nullptr);
    const std::string digest = give(*engine, GetParam().model, path(""), LoraStorage::kInt16);
    for (const int chunk : {512, 1, 5}) {
      const std::vector<float> rows = logits(*engine, contexts().back(), chunk, digest);
      if (first.empty()) first = rows;
      EXPECT_EQ(rows, first) << set->name << ", chunk " << chunk;
    }
  }
}

constexpr Case kCases[] = {{"qwen2-r4", "qwen2", true},       {"qwen2-r16", "qwen2", true},
                           {"qwen2-r64", "qwen2", true},      {"llama-r4", "llama", true},
                           {"llama-r16", "llama", true},      {"llama-r64", "llama", true},
                           {"qwen2-patterns", "qwen2", false}};
std::vector<Case> cases_in_gguf() {  // patterns have no word there
  std::vector<Case> cases(std::begin(kCases), std::end(kCases));
  std::erase_if(cases, [](const Case& one) { return !one.has_gguf; });
  return cases;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.adapter;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Files, GoldenAdapter, testing::ValuesIn(kCases), name_of);
INSTANTIATE_TEST_SUITE_P(Files, GoldenAdapterInGguf, testing::ValuesIn(cases_in_gguf()), name_of);

// Runs requests at once and waits for all; ids of each, in the order given.
std::vector<std::vector<engine::TokenId>> generate(Engine& engine,
                                                   const std::vector<engine::SequenceRequest>& requests) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::vector<engine::TokenId>> ids(requests.size());
  size_t ended = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    auto id = engine.submit(requests[i], [&, i](const engine::TokenEvent& event) {
      std::scoped_lock lock(mutex);
      if (event.id >= 0) ids[i].push_back(event.id);
      if (event.finish == engine::FinishReason::kNone) return;
      EXPECT_EQ(event.finish, engine::FinishReason::kLength);
      ++ended;
      changed.notify_one();
    });
    EXPECT_TRUE(id.ok()) << id.error().message();
    if (!id.ok()) return {};
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return ended == requests.size(); });
  return ids;
}

engine::SequenceRequest request(const std::vector<int32_t>& prompt, uint64_t seed, const std::string& adapter) {
  engine::SequenceRequest request;
  request.prompt.assign(prompt.begin(), prompt.end());
  request.max_new_tokens = 24;
  request.sampling.temperature = 1;
  request.sampling.seed = seed;
  request.adapter = adapter;
  return request;
}

TEST(Adapters, AMixedBatchGivesWhatEachGivesAlone) {
  auto engine = load_engine("qwen2", engine::KernelChoice::kAuto, 8);
  ASSERT_NE(engine, nullptr);
  std::vector<std::string> adapters = {""};
  for (const char* name : {"qwen2-r4", "qwen2-r16", "qwen2-r64", "qwen2-patterns"}) {
    adapters.push_back(give(*engine, "qwen2", folder("adapters/") + name, LoraStorage::kInt16));
  }
  const auto contexts = read_tokens(folder("models/qwen2.tokens")).value();
  std::vector<engine::SequenceRequest> requests;
  std::vector<std::vector<engine::TokenId>> alone;
  for (uint64_t i = 0; i < 16; ++i) {
    requests.push_back(request(contexts[1 + i % 3], i, adapters[(i * 3) % adapters.size()]));
    alone.push_back(generate(*engine, {requests.back()}).front());
  }
  EXPECT_EQ(generate(*engine, requests), alone);
  // The same prompt under another adapter is another answer, though the prompt's pages were kept.
  auto other = request(contexts[3], 7, adapters[1]), plain = request(contexts[3], 7, "");
  EXPECT_NE(generate(*engine, {other}).front(), generate(*engine, {plain}).front());
}

TEST(Adapters, OneThatIsNotHeldIsRefused) {
  auto engine = load_engine("qwen2", engine::KernelChoice::kAuto);
  ASSERT_NE(engine, nullptr);
  auto refused = engine->submit(request({1, 2, 3}, 1, std::string(64, 'a')), [](const engine::TokenEvent&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kNotFound);
  const std::string digest = give(*engine, "qwen2", folder("adapters/qwen2-r4"), LoraStorage::kInt16);
  EXPECT_EQ(engine->stats().adapters, 1);
  EXPECT_TRUE(engine->drop_adapter(digest));
  EXPECT_FALSE(engine->drop_adapter(digest));
  EXPECT_EQ(engine->stats().adapters, 0);
  EXPECT_EQ(engine->stats().adapter_bytes, 0);
}

TEST(Adapters, AFileThatIsNotWhatItsDigestSaysIsRefused) {
  auto engine = load_engine("qwen2", engine::KernelChoice::kAuto);
  ASSERT_NE(engine, nullptr);
  const auto base = engine::read_model_head(folder("models/qwen2.gguf")).value();
  const auto bytes =
      engine::write_lora(engine::LoraSource::open(folder("adapters/qwen2-r4"), base).value(), LoraStorage::kInt16)
          .value();
  EXPECT_EQ(engine->load_adapter(std::string(64, '0'), bytes).error().code(), Code::kCorruptData);
  EXPECT_EQ(engine->stats().adapters, 0);
}

// Resident memory in kB.
int64_t resident_kb() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    int64_t kb = 0;
    if (word == "VmRSS:" && status >> kb) return kb;
  }
  return 0;
}

TEST(Adapters, AThousandLoadsAndDropsUnderLoadLeavePagesAndMemoryAsTheyWere) {
  constexpr int kRounds = 1000, kWarmUp = 100;
  auto engine = load_engine("qwen2", engine::KernelChoice::kAuto, 4);
  ASSERT_NE(engine, nullptr);
  const auto base = engine::read_model_head(folder("models/qwen2.gguf")).value();
  struct File {
    std::vector<uint8_t> bytes;
    std::string digest;
  };
  std::vector<File> files;
  for (const char* name : {"qwen2-r4", "qwen2-r16", "qwen2-r64"}) {
    auto bytes =
        engine::write_lora(engine::LoraSource::open(folder("adapters/") + name, base).value(), LoraStorage::kInt16)
            .value();
    std::string digest = to_hex(sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    files.push_back({std::move(bytes), std::move(digest)});
  }
  const std::vector<int32_t> prompt = read_tokens(folder("models/qwen2.tokens")).value()[2];
  std::vector<engine::TokenId> first[3];
  int64_t memory_kb = 0;
  for (int round = 0; round < kRounds; ++round) {
    const File& file = files[static_cast<size_t>(round % 3)];
    ASSERT_TRUE(engine->load_adapter(file.digest, file.bytes).ok());
    // Dropped while one runs with it, and while the model alone is asked beside it.
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<engine::TokenId> ids;
    int ended = 0;
    for (const std::string& adapter : {file.digest, std::string()}) {
      auto one = request(prompt, 5, adapter);
      one.max_new_tokens = 3;
      ASSERT_TRUE(engine
                      ->submit(one,
                               [&, is_kept = !adapter.empty()](const engine::TokenEvent& event) {
                                 std::scoped_lock lock(mutex);
                                 if (is_kept && event.id >= 0) ids.push_back(event.id);
                                 if (event.finish != engine::FinishReason::kNone) ++ended;
                                 changed.notify_one();
                               })
                      .ok());
    }
    ASSERT_TRUE(engine->drop_adapter(file.digest));
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return ended == 2; });
    }
    auto& expected = first[round % 3];
    if (expected.empty()) expected = ids;
    ASSERT_EQ(ids, expected) << "round " << round;
    if (round == kWarmUp) memory_kb = resident_kb();
  }
  EXPECT_EQ(engine->stats().adapters, 0);
  EXPECT_EQ(engine->stats().adapter_bytes, 0);
  logits(*engine, {1}, 1, "");  // runs between two steps: what the last one gave back is counted by then
  const engine::EngineStats stats = engine->stats();
  EXPECT_EQ(stats.pages_free, stats.pages_total);
  EXPECT_LT(resident_kb() - memory_kb, 4096) << "of " << memory_kb << " kB";
}

}  // namespace
}  // namespace studio::golden
