#include "store/tasks.h"

#include <gtest/gtest.h>

#include "store/test_folder.h"
#include "store/writer.h"

namespace studio::store {
namespace {

class TasksTest : public testing::Test {
 protected:
  Batch create(const std::string& id, const std::string& owner = "key-1", const std::string& model = "m",
               int64_t created_at = 100) {
    return tasks_
        .create({.batch_id = id,
                 .owner = owner,
                 .endpoint = "/e",
                 .input_file_id = "in",
                 .metadata = "{}",
                 .title = model,
                 .created_at = created_at,
                 .expires_at = created_at + 100})
        .value();
  }
  void answer(const std::string& id, int64_t line, bool is_failed) {
    LineAnswer answer{.line = line, .is_failed = is_failed, .text = "t" + std::to_string(line)};
    answer.usage = Usage{.request_id = id + std::to_string(line), .prompt_tokens = 3, .completion_tokens = 2};
    ASSERT_TRUE(batches_.record_answers(id, {{answer}}).ok());
  }
  static std::vector<std::string> ids(const std::vector<Batch>& tasks) {
    std::vector<std::string> ids;
    for (const Batch& task : tasks) ids.push_back(task.batch_id);
    return ids;
  }
  std::vector<std::string> listed(TaskQuery query, const std::string& owner = "key-1") {
    if (query.created_until == 0) query.created_until = 1'000;
    if (query.limit == 0) query.limit = 10;
    const auto found = tasks_.list(owner, query).value();
    return ids(found);
  }

  TestFolder folder_;
  std::shared_ptr<Store> store_ = Store::open(folder_.path()).value();
  Batches batches_{store_};
  Tasks tasks_{store_};
};

using Ids = std::vector<std::string>;

TEST_F(TasksTest, ABatchIsNoTaskAndATaskNoBatch) {
  create("t");
  ASSERT_TRUE(batches_.create({.batch_id = "b", .owner = "key-1", .created_at = 100, .expires_at = 200}).ok());
  EXPECT_EQ(batches_.find("key-1", "t").error().code(), Code::kNotFound);
  EXPECT_EQ(tasks_.find("key-1", "b").error().code(), Code::kNotFound);
  EXPECT_EQ(batches_.request_cancel("key-1", "t", 120).error().code(), Code::kNotFound);
  EXPECT_EQ(tasks_.cancel("key-1", "b", 120).error().code(), Code::kNotFound);
  EXPECT_EQ(ids(*batches_.list("key-1", {.limit = 10})), Ids{"b"});
  EXPECT_EQ(listed({}), Ids{"t"});
  EXPECT_EQ(batches_.counts("key-1")->open, 1);
  EXPECT_EQ(tasks_.counts("key-1")->all, 1);
  EXPECT_EQ(ids(*batches_.open_batches()), (Ids{"t", "b"}));
  EXPECT_TRUE(batches_.open_batches()->front().is_task);
}

TEST_F(TasksTest, AForeignKeyFindsNone) {
  create("t");
  EXPECT_EQ(tasks_.find("key-2", "t").error().code(), Code::kNotFound);
  EXPECT_EQ(tasks_.cancel("key-2", "t", 120).error().code(), Code::kNotFound);
  EXPECT_TRUE(listed({}, "key-2").empty());
  EXPECT_EQ(tasks_.counts("key-2")->all, 0);
}

TEST_F(TasksTest, SaysItsStateAsItsListIsFilteredByIt) {
  constexpr BatchStatus kStatuses[] = {BatchStatus::kValidating, BatchStatus::kInProgress, BatchStatus::kFinalizing,
                                       BatchStatus::kCompleted,  BatchStatus::kFailed,     BatchStatus::kExpired,
                                       BatchStatus::kCancelling, BatchStatus::kCancelled};
  int made = 0;
  for (const BatchStatus status : kStatuses) {
    for (const int64_t completed : {0, 2}) {
      const std::string id = "t" + std::to_string(++made);
      create(id);
      ASSERT_TRUE(store_->writer()
                      .run([&](Connection& connection) {
                        return connection.execute(
                            "UPDATE batches SET status = ?2, is_over = ?3, lines_completed = ?4 WHERE batch_id = ?1",
                            {std::string_view(id), status_name(status), int64_t{is_over(status)}, completed});
                      })
                      .ok());
    }
  }
  int seen = 0;
  for (int i = 0; i < 5; ++i) {
    const auto state = static_cast<TaskState>(i);
    EXPECT_EQ(task_state_of(state_name(state)), state);
    const TaskQuery query{.created_until = 1'000, .state = state, .limit = 100};
    const auto found = tasks_.list("key-1", query).value();
    for (const Batch& task : found) EXPECT_EQ(state_of(task), state) << task.batch_id;
    EXPECT_EQ(tasks_.count("key-1", query).value(), static_cast<int64_t>(found.size()));
    seen += static_cast<int>(found.size());
  }
  EXPECT_EQ(seen, made);
  EXPECT_FALSE(task_state_of("UNKNOWN"));
}

TEST_F(TasksTest, IsListedByTimeModelAndPage) {
  for (int i = 0; i < 5; ++i) create("t" + std::to_string(i), "key-1", i % 2 == 0 ? "even" : "odd", 100 + i);
  EXPECT_EQ(listed({.created_from = 101, .created_until = 103}), (Ids{"t3", "t2", "t1"}));
  EXPECT_EQ(listed({.model = "even"}), (Ids{"t4", "t2", "t0"}));
  EXPECT_EQ(listed({.task_id = "t2", .model = "even"}), Ids{"t2"});
  EXPECT_TRUE(listed({.task_id = "t2", .model = "eve"}).empty());
  EXPECT_EQ(listed({.limit = 2, .offset = 2}), (Ids{"t2", "t1"}));
  EXPECT_EQ(*tasks_.count("key-1", {.created_until = 1'000, .limit = 1, .offset = 4}), 5);
}

TEST_F(TasksTest, IsCanceledWhileItWaitsAlone) {
  create("t");
  create("u");
  ASSERT_TRUE(tasks_.cancel("key-1", "t", 120).ok());
  EXPECT_EQ(state_of(*tasks_.find("key-1", "t")), TaskState::kCanceled);
  EXPECT_EQ(tasks_.cancel("key-1", "t", 121).error().code(), Code::kFailedPrecondition);
  ASSERT_TRUE(batches_.begin_lines("u", 1, 120).ok());
  EXPECT_EQ(tasks_.cancel("key-1", "u", 121).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(state_of(*tasks_.find("key-1", "u")), TaskState::kRunning);
}

TEST_F(TasksTest, CountsTheTokensOfItsAnswersOnce) {
  create("t");
  ASSERT_TRUE(batches_.begin_lines("t", 3, 110).ok());
  for (const int64_t line : {3, 1, 2, 1}) answer("t", line, line == 2);
  EXPECT_EQ(tasks_.find("key-1", "t")->tokens, 15);
  std::vector<int64_t> lines;
  const auto answers = batches_.answers_behind_line("t", 1).value();
  for (const LineAnswer& each : answers) lines.push_back(each.line);
  EXPECT_EQ(lines, (std::vector<int64_t>{2, 3}));
}

TEST_F(TasksTest, IsForgottenAfterItsEnd) {
  create("t");
  create("u");
  ASSERT_TRUE(batches_.begin_lines("t", 1, 110).ok());
  answer("t", 1, false);
  ASSERT_TRUE(batches_.finish("t", BatchStatus::kCompleted, std::nullopt, std::nullopt, 0, 130).ok());
  EXPECT_TRUE(tasks_.ended_before(131)->empty());  // its answers are there still
  while (*batches_.drop_old_answers()) continue;
  EXPECT_TRUE(tasks_.ended_before(130)->empty());
  const auto ended = tasks_.ended_before(131).value();
  ASSERT_EQ(ids(ended), Ids{"t"});
  EXPECT_EQ(ended_at(ended[0]), 130);
  ASSERT_TRUE(tasks_.forget(ended[0]).ok());
  EXPECT_EQ(tasks_.find("key-1", "t").error().code(), Code::kNotFound);
  ASSERT_TRUE(tasks_.forget(*tasks_.find("key-1", "u")).ok());  // it is not over, so it stays
  EXPECT_TRUE(tasks_.find("key-1", "u").ok());
}

}  // namespace
}  // namespace studio::store
