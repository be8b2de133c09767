#include "engine/schedule/draft_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "engine/schedule/engine_for_test.h"
#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

constexpr SchedulerLimits kOff{.max_sequences = 5, .prompt_chunk = 100};
constexpr SchedulerLimits kLimits{.max_sequences = 5, .prompt_chunk = 100, .speculation = Speculation::kAuto};
constexpr int kPages = DraftModel::kSequences * pages_for(DraftModel::kWindow + DraftModel::kLongestDraft);
constexpr double kSmall = 0.05;  // of the bench's pass

// A draft model that goes by the last `memory` tokens, one like the bench's agrees with it; its passes take `cost` of
// the bench's.
std::unique_ptr<DraftModel> draft_model(int memory, double cost = kSmall, int rows = kVocab) {
  auto model = std::make_unique<HashModel>(rows);
  model->memory = memory;
  model->times.pass_seconds *= cost;
  model->times.token_seconds *= cost;
  auto now = [clock = model.get()] { return clock->now; };
  return DraftModel::create(std::move(model), kVocab, cost, now).value();
}

// Little repeats in it that could be looked up: 50^3 contexts.
SequenceRequest request_for(int prompt, int max_new, uint64_t seed, float temperature = 0) {
  SequenceRequest request = request_of(prompt, max_new, seed);
  request.sampling.temperature = temperature;
  if (temperature > 0) request.sampling.top_k = 10;
  return request;
}

struct Outcome {
  std::vector<TokenId> ids;
  size_t passes = 0;
  uint64_t drafted = 0, accepted = 0, draft_passes = 0;
};

Outcome run_one(const SequenceRequest& request, std::unique_ptr<DraftModel> draft) {
  Bench bench(200, draft ? kLimits : kOff, 1, std::move(draft));
  bench.model.memory = 3;
  bench.add(1, request);
  bench.run();
  const Drafting& drafting = bench.scheduler->drafting();
  if (drafting.model() != nullptr) {
    EXPECT_EQ(drafting.model()->pages().free(), kPages);
  }
  return {bench.records[1].ids, bench.model.steps.size(), drafting.drafted_tokens(), drafting.accepted_tokens(),
          drafting.model() != nullptr ? drafting.model()->passes() : 0};
}

TEST(DraftModel, OneThatAgreesSavesPassesAtEveryTemperature) {
  for (const float temperature : {0.0f, 0.8f, 1.5f}) {
    const SequenceRequest request = request_for(300, 200, 7, temperature);  // longer than what it reads
    const Outcome expected = run_one(request, nullptr), found = run_one(request, draft_model(3));
    EXPECT_EQ(found.ids, expected.ids);
    EXPECT_GT(found.accepted, 100u) << temperature;
    EXPECT_LT(2 * found.passes, expected.passes) << temperature;
  }
}

TEST(DraftModel, OneThatDoesNotAgreeChangesNothingAndIsSoonLeftAlone) {
  const SequenceRequest request = request_for(20, 400, 8, 1.5f);
  const Outcome expected = run_one(request, nullptr), found = run_one(request, draft_model(2, 0.3));
  EXPECT_EQ(found.ids, expected.ids);
  EXPECT_GT(found.draft_passes, 0u);
  EXPECT_LT(found.draft_passes, 60u);
}

TEST(DraftModel, OneThatTakesAsLongIsLeftAloneHoweverWellItGuesses) {
  const SequenceRequest request = request_for(20, 400, 8, 1.5f);
  auto slow = draft_model(3, 1.2);
  const Outcome expected = run_one(request, nullptr), found = run_one(request, std::move(slow));
  EXPECT_EQ(found.ids, expected.ids);
  EXPECT_EQ(found.draft_passes, 0u);
}

// Its weights say that it is quick; the clock says that it is not.
TEST(DraftModel, WhatItsPassesTakeIsMeasured) {
  auto model = std::make_unique<HashModel>();
  model->memory = 3;
  auto now = [clock = model.get()] { return clock->now; };
  auto slow = DraftModel::create(std::move(model), kVocab, kSmall, now).value();
  const SequenceRequest request = request_for(20, 400, 8, 1.5f);
  const Outcome expected = run_one(request, nullptr), found = run_one(request, std::move(slow));
  EXPECT_EQ(found.ids, expected.ids);
  EXPECT_GT(found.draft_passes, 0u);
  EXPECT_LT(found.draft_passes, 40u);
}

TEST(DraftModel, WhatWasDearByChanceIsTriedAgain) {
  auto model = std::make_unique<HashModel>();
  HashModel& clock = *model;
  model->memory = 3;
  auto draft = DraftModel::create(std::move(model), kVocab, kSmall, [&clock] { return clock.now; }).value();
  Bench bench(200, kLimits, 1, std::move(draft));
  bench.model.memory = 3;
  const DraftModel& seen = *bench.scheduler->drafting().model();
  bench.add(1, request_for(20, 2500, 8, 1.5f));
  uint64_t passes = 0;
  for (int quiet = 0; quiet < 20; ++quiet) {  // as long as it is dear
    bench.step();
    if (std::exchange(passes, seen.passes()) != seen.passes()) quiet = 0;
  }
  ASSERT_FALSE(bench.scheduler->idle());
  clock.times = {.pass_seconds = kSmall * clock.times.pass_seconds,
                 .token_seconds = kSmall * clock.times.token_seconds};
  bench.run();
  EXPECT_GT(seen.passes(), passes + 100);
}

// Several answers one after another, all in the time of one clock.
struct Evening {
  double seconds = 0;
  std::vector<size_t> until_asked;  // tokens of each answer that came before the draft model was asked; or all
  std::vector<uint64_t> passes;     // of the draft model, for each answer
};

constexpr int kNone = 0;  // no draft model: what is looked up alone

Evening run_evening(int answers, int tokens, int draft_memory, double price, float temperature = 1.5f, int memory = 3) {
  auto model = std::make_unique<HashModel>();
  HashModel& small = *model;
  small.memory = draft_memory;
  small.times.pass_seconds *= price;
  small.times.token_seconds *= price;
  auto now = [clock = &small] { return clock->now; };
  auto draft = DraftModel::create(std::move(model), kVocab, price, now).value();
  const DraftModel& seen = *draft;
  const auto begun = small.now;
  Bench bench(400, kLimits, 1, draft_memory == kNone ? nullptr : std::move(draft));
  bench.model.memory = memory;
  Evening evening;
  for (int i = 1; i <= answers; ++i) {
    const auto id = static_cast<uint64_t>(i);
    const uint64_t before = seen.passes();
    const Record& record = bench.add(id, request_for(40, tokens, 100 + id, temperature));
    size_t until_asked = 0;
    while (!bench.scheduler->idle()) {
      bench.step();
      if (seen.passes() == before) until_asked = record.ids.size();
    }
    evening.until_asked.push_back(until_asked);
    evening.passes.push_back(seen.passes() - before);
  }
  evening.seconds = bench.seconds() + std::chrono::duration<double>(small.now - begun).count();
  return evening;
}

TEST(DraftModel, OneThatIsAlwaysWrongCostsLessThanThreeOfAHundred) {
  for (const auto& [answers, tokens] : {std::pair(1, 1500), {10, 150}, {40, 40}}) {
    const double without = run_evening(answers, tokens, kNone, 1).seconds;
    for (const double price : {0.02, 0.1, 0.3, 0.6, 0.9}) {
      const Evening evening = run_evening(answers, tokens, 2, price);
      EXPECT_LT(evening.seconds, 1.03 * without) << answers << " answers of " << tokens << " at " << price;
    }
    EXPECT_LE(run_evening(answers, tokens, 3, 0.1).seconds, (tokens < 100 ? 1 : 0.9) * without);
  }
}

TEST(DraftModel, WhatItSavedLetsItBeginSoonerInTheNextAnswer) {
  const Evening good = run_evening(3, 200, 3, 0.1), bad = run_evening(3, 200, 2, 0.1);
  EXPECT_GT(good.until_asked[0], 10u);
  EXPECT_LT(2 * good.until_asked[2], good.until_asked[0]);
  EXPECT_GT(4 * bad.until_asked[2], 3 * bad.until_asked[0]);
}

TEST(DraftModel, WhereLookingUpPaysItIsNotAsked) {
  const Evening repeats = run_evening(3, 400, 1, 0.3, 0, 1);  // the next token follows from the last alone
  for (const uint64_t passes : repeats.passes) EXPECT_LT(passes, 10u);
}

TEST(DraftModel, ARequestMayLeaveItOut) {
  SequenceRequest request = request_for(60, 200, 7, 0.8f);
  request.prompt.insert(request.prompt.end(), request.prompt.begin(), request.prompt.end());
  const Outcome all = run_one(request, draft_model(3));
  request.guesses = Guesses::kLookedUp;
  const Outcome looked_up = run_one(request, draft_model(3));
  request.guesses = Guesses::kNone;
  const Outcome none = run_one(request, draft_model(3));
  EXPECT_GT(all.draft_passes, 0u);
  EXPECT_EQ(looked_up.draft_passes, 0u);
  EXPECT_GT(looked_up.drafted, 0u);
  EXPECT_EQ(none.draft_passes + none.drafted, 0u);
  EXPECT_EQ(looked_up.ids, all.ids);
  EXPECT_EQ(none.ids, all.ids);
}

TEST(DraftModel, SequencesThatOutgrowItsWindowGoOn) {
  const SequenceRequest request = request_for(40, DraftModel::kWindow + 300, 9, 1.5f);
  const Outcome expected = run_one(request, nullptr), found = run_one(request, draft_model(3));
  EXPECT_EQ(found.ids, expected.ids);
  EXPECT_GT(found.accepted, 600u);
}

TEST(DraftModel, ReadsInPiecesOfBoundedLength) {
  auto model = std::make_unique<HashModel>();
  const HashModel& seen = *model;
  model->memory = 3;
  Bench bench(200, kLimits, 1, DraftModel::create(std::move(model), kVocab, kSmall, [] {
                                 return DraftModel::Clock::time_point{};  // its passes take no time
                               }).value());
  bench.model.memory = 3;
  for (uint64_t id = 1; id <= DraftModel::kSequences; ++id) bench.add(id, request_for(300, 100, id, 1.5f));
  bench.run();
  size_t longest = 0;
  for (const std::vector<int>& pass : seen.steps) {
    size_t tokens = 0;
    for (const int run : pass) tokens += static_cast<size_t>(run);
    longest = std::max(longest, tokens);
  }
  EXPECT_EQ(longest, static_cast<size_t>(DraftModel::kPassTokens));
  EXPECT_GT(bench.scheduler->drafting().accepted_tokens(), 50u);
}

TEST(DraftModel, ManySequencesShareItWhileTheyAreFew) {
  Bench bench(200, kLimits, 2, draft_model(3)), plain(200, kOff);
  for (Bench* one : {&bench, &plain}) {
    one->model.memory = 3;
    for (uint64_t id = 1; id <= 20; ++id) {
      SequenceRequest request =
          request_for(static_cast<int>(id * 13 % 80 + 1), static_cast<int>(id * 7 % 90 + 135), id, 1.0f);
      if (id % 3 == 0) request.sampling.frequency_penalty = 0.5f;
      if (id % 4 == 0) request.stop_ids = {7};
      one->add(id, request);
    }
    one->run();
  }
  for (const auto& [id, record] : plain.records) {
    EXPECT_EQ(bench.records[id].ids, record.ids) << id;
    EXPECT_EQ(bench.records[id].finish, record.finish);
  }
  EXPECT_GT(bench.scheduler->drafting().accepted_tokens(), 50u);
  EXPECT_EQ(bench.scheduler->drafting().model()->pages().free(), kPages);
}

TEST(DraftModel, AFullBatchDoesNotAskIt) {
  Bench bench(200, kLimits, 1, draft_model(3));
  bench.model.memory = 3;
  for (uint64_t id = 1; id <= DraftModel::kSequences + 1; ++id) bench.add(id, request_for(10, 60, id, 1.5f));
  while (bench.scheduler->running() + bench.scheduler->waiting() > DraftModel::kSequences) {
    EXPECT_EQ(bench.scheduler->drafting().model()->passes(), 0u);
    bench.step();
  }
  bench.run();
}

TEST(DraftModel, ACancelledSequenceGivesItsPagesBack) {
  Bench bench(200, kLimits, 1, draft_model(3));
  bench.model.memory = 3;
  const PagePool& pages = bench.scheduler->drafting().model()->pages();
  bench.add(1, request_for(200, 400, 1, 1.5f));
  bench.add(2, request_for(200, 400, 2, 1.5f));
  for (int i = 0; i < 60; ++i) bench.step();
  const int both = pages.free();
  EXPECT_LT(both, kPages);
  bench.scheduler->cancel(1);
  EXPECT_GT(pages.free(), both);
  EXPECT_LT(pages.free(), kPages);
  bench.scheduler->cancel(2);
  EXPECT_EQ(pages.free(), kPages);
}

TEST(DraftModel, APreemptedSequenceGivesItsPagesBackAndAnswersTheSame) {
  // Room for little more than one of them at its end.
  Bench bench(26, kLimits, 1, draft_model(3)), plain(200, kOff);
  for (Bench* one : {&bench, &plain}) {
    one->model.memory = 3;
    for (uint64_t id = 1; id <= 2; ++id) one->add(id, request_for(40, 300, id, 1.5f));
  }
  plain.run();
  const PagePool& pages = bench.scheduler->drafting().model()->pages();
  while (bench.scheduler->preemptions() == 0 && !bench.scheduler->idle()) bench.step();
  ASSERT_EQ(bench.scheduler->preemptions(), 1u);
  ASSERT_EQ(bench.scheduler->running(), 1);
  EXPECT_LE(kPages - pages.free(), pages_for(DraftModel::kWindow + DraftModel::kLongestDraft));
  EXPECT_LE(kPages - pages.free(), pages_for(340 + DraftModel::kLongestDraft)) << "those of one alone";
  bench.run();
  for (uint64_t id = 1; id <= 2; ++id) EXPECT_EQ(bench.records[id].ids, plain.records[id].ids);
  EXPECT_EQ(pages.free(), kPages);
}

// Sizes of a family differ in rows that no token has. An id that only the large one has is never fed to it.
TEST(DraftModel, OneWithOtherRowsGuessesWhereItKnowsTheTokens) {
  for (const int rows : {kVocab - 5, kVocab + 5}) {
    for (const bool knows_all : {true, false}) {
      SequenceRequest request = request_for(60, 200, 5, 1.5f);
      for (TokenId id = rows; knows_all && id < kVocab; ++id) {
        request.sampling.logit_bias.push_back({id, -100.0f});
        std::ranges::replace(request.prompt, id, 1);
      }
      const Outcome expected = run_one(request, nullptr), found = run_one(request, draft_model(3, kSmall, rows));
      EXPECT_EQ(found.ids, expected.ids);
      if (knows_all || rows > kVocab) {
        EXPECT_GT(found.accepted, 50u) << rows;
      }
    }
  }
}

TEST(DraftModel, AnEngineThatHasOneGivesTheBitsOfOneThatHasNot) {
  EngineOptions options = options_of(), alone = options_of();
  options.draft_model_path = kModel;
  options.speculation = Speculation::kAlways;
  alone.speculation = Speculation::kOff;
  auto with = load(options), without = load(alone);
  for (const size_t together : {1, 3, 12}) {
    std::vector<Stream> expected(together), found(together);
    const uint64_t accepted = with->stats().accepted_tokens;
    for (size_t i = 0; i < together; ++i) {
      SequenceRequest request = engine::request_of(*with, 40 + static_cast<int>(i), 80, 3 + i);
      request.sampling.temperature = i % 3 == 1 ? 0.0f : 0.9f;
      request.prefix_salt = i % 2;
      ASSERT_TRUE(without->submit(request, expected[i].sink()).ok());
      ASSERT_TRUE(with->submit(request, found[i].sink()).ok());
    }
    for (size_t i = 0; i < together; ++i) {
      expected[i].wait();
      found[i].wait();
      EXPECT_EQ(found[i].ids, expected[i].ids) << i;
      EXPECT_EQ(found[i].logprobs, expected[i].logprobs) << i;
    }
    while (with->stats().running > 0) std::this_thread::yield();
    EXPECT_GT(with->stats().accepted_tokens, accepted);
    EXPECT_EQ(with->stats().pages_free, with->stats().pages_total);
  }
}

TEST(DraftModel, AnEngineRefusesOneThatItCannotUse) {
  EngineOptions options = options_of();
  options.draft_model_path = "/nowhere/model.gguf";
  EXPECT_FALSE(Engine::load(options).ok());
  options.draft_model_path = kModel;
  options.speculation = Speculation::kOff;
  auto refused = Engine::load(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().param(), "draft_model_path");
}

}  // namespace
}  // namespace studio::engine
