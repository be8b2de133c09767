#include "store/batches.h"

#include <gtest/gtest.h>

#include "store/test_folder.h"

namespace studio::store {
namespace {

class BatchesTest : public testing::Test {
 protected:
  BatchesTest() { open(); }
  void open() {
    batches_.reset();
    files_.reset();
    store_.reset();
    store_ = Store::open(folder_.path()).value();
    files_ = Files::open(store_, folder_.inner("files")).value();
    batches_ = std::make_unique<Batches>(store_);
  }
  Batch create(const std::string& id, const std::string& owner = "key-1", const std::string& title = "") {
    return batches_
        ->create({.batch_id = id,
                  .owner = owner,
                  .endpoint = "/v1/chat/completions",
                  .input_file_id = "in-" + id,
                  .completion_window = "24h",
                  .metadata = R"({"a":"b"})",
                  .title = title,
                  .created_at = 100,
                  .expires_at = 200})
        .value();
  }
  Batch find(const std::string& id) { return batches_->find("key-1", id).value(); }
  static LineAnswer answer(int64_t line, bool is_failed = false, const std::string& text = "t") {
    LineAnswer answer{.line = line, .is_failed = is_failed, .text = text};
    answer.usage = Usage{.request_id = "r-" + std::to_string(line),
                         .key_id = "key-1",
                         .model = "tiny",
                         .prompt_tokens = 3,
                         .completion_tokens = 2,
                         .outcome = "stop",
                         .is_batch = true};
    return answer;
  }
  StoredFile placed(const std::string& id, const std::string& bytes) {
    FileDraft draft = files_->begin().value();
    EXPECT_TRUE(draft.append(bytes).ok());
    return files_->place(std::move(draft), {.file_id = id, .owner = "key-1", .purpose = "batch_output"}).value();
  }

  TestFolder folder_;
  std::shared_ptr<Store> store_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<Batches> batches_;
};

TEST_F(BatchesTest, NamesOfStatesComeBack) {
  for (int i = 0; i < 8; ++i) {
    const auto status = static_cast<BatchStatus>(i);
    EXPECT_EQ(batch_status_of(status_name(status)), status);
  }
  EXPECT_FALSE(batch_status_of("done"));
}

TEST_F(BatchesTest, MovesToItsEndAndOverRestarts) {
  create("b");
  EXPECT_EQ(find("b").status, BatchStatus::kValidating);
  ASSERT_TRUE(batches_->begin_lines("b", 2, 110).ok());
  const LineAnswer answers[] = {answer(2), answer(1, true)};
  ASSERT_TRUE(batches_->record_answers("b", answers).ok());
  open();
  ASSERT_TRUE(batches_->begin_finalizing("b", 120).ok());
  ASSERT_TRUE(batches_->finish("b", BatchStatus::kCompleted, placed("out", "x"), placed("err", "y"), 0, 130).ok());
  open();
  const Batch done = find("b");
  EXPECT_EQ(done.status, BatchStatus::kCompleted);
  EXPECT_EQ(done.metadata, R"({"a":"b"})");
  EXPECT_EQ(done.in_progress_at, 110);
  EXPECT_EQ(done.finalizing_at, 120);
  EXPECT_EQ(done.completed_at, 130);
  EXPECT_EQ(done.cancelled_at, 0);
  EXPECT_EQ(done.lines_total, 2);
  EXPECT_EQ(done.lines_completed, 1);
  EXPECT_EQ(done.lines_failed, 1);
  EXPECT_EQ(files_->find("key-1", done.output_file_id).value().size_bytes, 1);
  EXPECT_TRUE(batches_->open_batches().value().empty());
}

TEST_F(BatchesTest, ALineIsAnsweredAndBilledOnce) {
  create("b");
  ASSERT_TRUE(batches_->begin_lines("b", 9, 110).ok());
  const LineAnswer first[] = {answer(4, false, "first"), answer(4, true, "again")};
  ASSERT_TRUE(batches_->record_answers("b", first).ok());
  LineAnswer later = answer(4, true, "later");
  later.usage->completion_tokens = 99;
  ASSERT_TRUE(batches_->record_answers("b", {&later, 1}).ok());
  EXPECT_EQ(find("b").lines_completed, 1);
  EXPECT_EQ(find("b").lines_failed, 0);
  const auto kept = batches_->answers_after("b", 0).value();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept.front().text, "first");
  EXPECT_EQ(store_->usage_totals().value().requests, 1);
  const Usage usage = *store_->find_usage("r-4").value();
  EXPECT_EQ(usage.completion_tokens, 2);
  EXPECT_TRUE(usage.is_batch);
}

TEST_F(BatchesTest, AnAnswerWhoseUsageCannotBeStoredIsNotStoredEither) {
  create("b");
  ASSERT_TRUE(batches_->begin_lines("b", 9, 110).ok());
  LineAnswer impossible = answer(1);
  impossible.usage->cached_tokens = 99;  // of three
  EXPECT_FALSE(batches_->record_answers("b", {&impossible, 1}).ok());
  EXPECT_TRUE(batches_->answered_lines("b").value().empty());
  EXPECT_EQ(find("b").lines_completed, 0);
}

TEST_F(BatchesTest, MovesFromAnotherStateChangeNothing) {
  create("b");
  ASSERT_TRUE(batches_->begin_finalizing("b", 1).ok());
  EXPECT_EQ(find("b").status, BatchStatus::kValidating);
  ASSERT_TRUE(batches_->begin_lines("b", 1, 110).ok());
  ASSERT_TRUE(batches_->begin_lines("b", 7, 111).ok());
  ASSERT_TRUE(batches_->fail("b", "[]", 1).ok());
  EXPECT_EQ(find("b").status, BatchStatus::kInProgress);
  EXPECT_EQ(find("b").in_progress_at, 110);
  ASSERT_TRUE(batches_->finish("b", BatchStatus::kExpired, std::nullopt, std::nullopt, 1, 130).ok());
  ASSERT_TRUE(batches_->finish("b", BatchStatus::kCompleted, std::nullopt, std::nullopt, 1, 140).ok());
  EXPECT_EQ(find("b").status, BatchStatus::kExpired);
  EXPECT_EQ(find("b").lines_failed, 1);
  LineAnswer late = answer(1);
  ASSERT_TRUE(batches_->record_answers("b", {&late, 1}).ok());
  EXPECT_EQ(find("b").lines_completed, 0);
  EXPECT_EQ(store_->usage_totals().value().requests, 0);
}

TEST_F(BatchesTest, CancelIsForThoseThatRun) {
  create("b");
  EXPECT_EQ(batches_->request_cancel("key-2", "b", 110).error().code(), Code::kNotFound);
  const Batch cancelling = batches_->request_cancel("key-1", "b", 110).value();
  EXPECT_EQ(cancelling.status, BatchStatus::kCancelling);
  EXPECT_EQ(batches_->request_cancel("key-1", "b", 115).value().cancelling_at, 110);
  ASSERT_TRUE(batches_->finish("b", BatchStatus::kCancelled, std::nullopt, std::nullopt, 0, 120).ok());
  EXPECT_EQ(batches_->request_cancel("key-1", "b", 125).error().code(), Code::kConflict);
  EXPECT_EQ(find("b").cancelled_at, 120);
}

TEST_F(BatchesTest, ListsItsOwnersPages) {
  create("a", "key-1", "night run"), create("b", "key-1", "day run"), create("c", "key-2"), create("d");
  const auto ids = [&](BatchQuery query, std::string_view owner = "key-1") {
    query.limit = 9;
    const auto found = batches_->list(owner, query).value();
    std::string ids;
    for (const Batch& batch : found) ids += batch.batch_id;
    return ids;
  };
  EXPECT_EQ(ids({}), "dba");
  EXPECT_EQ(ids({}, "key-2"), "c");
  EXPECT_EQ(ids({.title_part = "day"}), "b");
  EXPECT_EQ(ids({.input_file_ids = {"in-a", "in-d", "in-c"}}), "da");
  ASSERT_TRUE(batches_->begin_lines("b", 1, 110).ok());
  EXPECT_EQ(ids({.statuses = {"in_progress", "failed"}}), "b");
  EXPECT_EQ(ids({.created_from = 101}), "");
  EXPECT_EQ(ids({.before_sequence = find("d").sequence}), "ba");
  EXPECT_EQ(batches_->counts("key-1").value().open, 3);
}

TEST_F(BatchesTest, AreForgottenByTheTimeOfTheirEndAndTheirFilesStay) {
  for (const char* id : {"failed", "done", "late", "open"}) create(id);
  ASSERT_TRUE(batches_->fail("failed", "[]", 110).ok());
  ASSERT_TRUE(batches_->begin_lines("done", 1, 110).ok());
  ASSERT_TRUE(batches_->record_answers("done", std::vector{answer(1)}).ok());
  ASSERT_TRUE(batches_->finish("done", BatchStatus::kCompleted, placed("out", "x"), std::nullopt, 0, 120).ok());
  ASSERT_TRUE(batches_->finish("late", BatchStatus::kExpired, std::nullopt, std::nullopt, 0, 131).ok());
  EXPECT_EQ(batches_->forget_ended_before(131).value(), 0) << "answers are still there";
  while (batches_->drop_old_answers().value()) {
  }
  const BatchCounts before = batches_->counts("key-1").value();
  EXPECT_EQ(std::pair(before.all, before.open), (std::pair<int64_t, int64_t>(4, 1)));
  EXPECT_EQ(batches_->forget_ended_before(110).value(), 0);
  EXPECT_EQ(batches_->forget_ended_before(131).value(), 2);
  EXPECT_FALSE(batches_->find("key-1", "done").ok());
  EXPECT_TRUE(batches_->find("key-1", "late").ok());
  EXPECT_TRUE(files_->find("key-1", "out").ok());
  const BatchCounts after = batches_->counts("key-1").value();
  EXPECT_EQ(std::pair(after.all, after.open), (std::pair<int64_t, int64_t>(2, 1)));
}

TEST_F(BatchesTest, AnswersComeInTheOrderOfTheirEndsAndGoOnceFilesHoldThem) {
  create("b");
  ASSERT_TRUE(batches_->begin_lines("b", 100, 110).ok());
  std::vector<LineAnswer> answers;
  for (int64_t line = 100; line >= 1; --line) answers.push_back(answer(line, false, std::to_string(line)));
  ASSERT_TRUE(batches_->record_answers("b", answers).ok());
  std::vector<int64_t> lines;
  for (int64_t after = 0;;) {
    const auto page = batches_->answers_after("b", after).value();
    if (page.empty()) break;
    for (const LineAnswer& each : page) lines.push_back(each.line);
    after = page.back().sequence;
  }
  ASSERT_EQ(lines.size(), 100u);
  EXPECT_EQ(lines.front(), 100);
  EXPECT_EQ(lines.back(), 1);
  EXPECT_FALSE(batches_->drop_old_answers().value());
  ASSERT_TRUE(batches_->finish("b", BatchStatus::kCompleted, std::nullopt, std::nullopt, 0, 120).ok());
  while (batches_->drop_old_answers().value()) {
  }
  EXPECT_TRUE(batches_->answered_lines("b").value().empty());
  EXPECT_EQ(store_->usage_totals().value().requests, 100);
}

}  // namespace
}  // namespace studio::store
