// What readers see while others come: times are those of the bench's model, whatever machine this runs on.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "engine/schedule/scheduler_bench_for_test.h"

namespace studio::engine {
namespace {

double longest_gap(const Record& record) {
  double longest = 0;
  for (size_t i = 1; i < record.seconds.size(); ++i) {
    longest = std::max(longest, record.seconds[i] - record.seconds[i - 1]);
  }
  return longest;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

TEST(SchedulerLatency, ALongPromptStretchesStepsToTwoAndAHalfTimesAtMost) {
  Bench bench(1000);
  for (uint64_t id = 1; id <= 4; ++id) bench.add(id, request_of(60, 1000, id));
  for (int i = 0; i < 50; ++i) bench.step();
  for (auto& [id, record] : bench.records) record.seconds.erase(record.seconds.begin(), record.seconds.end() - 20);
  const double plain = longest_gap(bench.records[1]);
  const double asked = bench.seconds();
  const Record& newcomer = bench.add(5, request_of(1555, 1, 5));
  while (newcomer.finishes == 0) bench.step();
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_LE(longest_gap(bench.records[id]), 2.5 * plain);
  EXPECT_GT(longest_gap(bench.records[1]), 1.8 * plain) << "the time that there was is used";
  // Alone, at llama.cpp's 260 tokens a second: 6 s.
  EXPECT_LT(newcomer.seconds[0] - asked, 0.5 * 1555 / 260);
  bench.scheduler.reset();
}

// Eight questions of 110 tokens at once, as they come: the last is read when all could have been.
TEST(SchedulerLatency, ManyQuestionsAtOnceAreReadBeforeTheirAnswersGoOn) {
  Bench bench(1000);
  for (uint64_t id = 1; id <= 8; ++id) bench.add(id, request_of(110, 48, id));
  bench.run();
  for (const auto& [id, record] : bench.records) {
    EXPECT_LE(record.seconds[0], 880 * bench.model.times.token_seconds * 1.15) << id;
    EXPECT_LE(longest_gap(record), kLongestStepSeconds * 1.01) << id;
  }
}

TEST(SchedulerLatency, AnOperatorsStepTimeTakesItsPlace) {
  for (const double seconds : {0.016, 0.060, 0.100}) {
    Bench bench(1000, {.step_seconds = seconds});
    bench.add(1, request_of(60, 1000, 1));
    for (int i = 0; i < 50; ++i) bench.step();
    Record& stream = bench.records[1];
    const Record& newcomer = bench.add(2, request_of(1555, 1, 2));
    for (int i = 0; i < 8; ++i) bench.step();  // the first steps learn what longer pieces cost
    stream.seconds.clear();
    while (newcomer.finishes == 0) bench.step();
    const double least = bench.model.times.pass_seconds + (1 + kPieceUnits) * bench.model.times.token_seconds;
    EXPECT_NEAR(longest_gap(stream), std::max(seconds, least), 0.002);
    bench.scheduler.reset();
  }
}

TEST(SchedulerLatency, APromptAloneIsComputedInTheLargestPieces) {
  Bench bench(1000);
  bench.add(1, request_of(1200, 3, 1));
  bench.run();
  EXPECT_EQ(bench.model.steps, (std::vector<std::vector<int>>{{512}, {512}, {176}, {1}, {1}}));
}

TEST(SchedulerLatency, PromptsOfManyAreCutSoThatNobodyWaitsLongForTheNextStep) {
  Bench bench(4000);
  bench.model.times.token_seconds = 0.0025;  // the 1.5B
  for (uint64_t id = 1; id <= 6; ++id) bench.add(id, request_of(1200, 1, id));
  double before = 0;
  while (bench.step(), bench.scheduler->running() > 1) {
    EXPECT_LE(bench.seconds() - before, kLongestStepSeconds * 1.1);
    before = bench.seconds();
  }
  bench.run();
}

// A minute of sixteen clients that ask again as soon as they are answered: half of them chat, half bring documents.
TEST(SchedulerLatency, ChatsAreQuickAndNobodyIsSilentBesideDocuments) {
  Bench bench(4096);
  std::map<uint64_t, double> asked;
  std::vector<double> chats, documents;
  uint64_t next_id = 1;
  std::map<uint64_t, int> client_of;
  const auto ask = [&](int client) {
    const bool is_chat = client % 2 == 0;
    const uint64_t id = next_id++;
    client_of[id] = client;
    asked[id] = bench.seconds();
    const auto length = static_cast<int>(random_bits(id, 41, 0) % 1501);
    bench.add(id, is_chat ? request_of(30 + length / 25, 48, id) : request_of(1000 + length, 48, id));
  };
  for (int client = 0; client < 16; ++client) ask(client);
  while (bench.seconds() < 60) {
    bench.step();
    for (auto it = client_of.begin(); it != client_of.end();) {
      const Record& record = bench.records[it->first];
      if (record.finishes == 0) {
        ++it;
        continue;
      }
      EXPECT_LE(longest_gap(record), 0.3);
      (it->second % 2 == 0 ? chats : documents).push_back(record.seconds[0] - asked[it->first]);
      const int client = it->second;
      it = client_of.erase(it);
      ask(client);
    }
  }
  EXPECT_LE(median(chats), 0.5);
  EXPECT_LE(*std::max_element(chats.begin(), chats.end()), 2);
  EXPECT_GT(documents.size(), 8u);
  bench.scheduler.reset();
}

}  // namespace
}  // namespace studio::engine
