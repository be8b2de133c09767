// Tasks: their files, their results, and what the runner does with them that it does not do with batches. The model is
// served by nobody here, so that texts wait; with a real one: tests/tasks.
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <boost/json.hpp>
#include <thread>

#include "api/batches/runner.h"
#include "api/batches/task_output.h"
#include "api/batches/text_check.h"
#include "api/dashscope/parse.h"
#include "api/dashscope/task_wire.h"
#include "api/serving/metrics.h"
#include "base/ids.h"
#include "base/json.h"
#include "store/test_folder.h"

namespace studio::api::batches {
namespace {

using namespace std::chrono_literals;
using store::BatchStatus;
using store::TaskState;

constexpr const char* kModel = STUDIO_SOURCE_DIR "/tests/golden/encoders/tiny-bert";

class TaskLinesTest : public testing::Test {
 protected:
  TaskLinesTest() {
    services_.metrics = &metrics_;
    services_.models = &models_;
    services_.post = [this](std::function<void()> work) {
      std::scoped_lock lock(posted_mutex_);
      posted_.emplace_back(std::move(work));
    };
  }
  ~TaskLinesTest() override {
    stop();
    for (std::thread& thread : posted_) thread.join();
  }
  void serve_model() {
    inference::WorkerEndpoint nobody;
    nobody.socket_path = folder_.path() + "/none";
    inference::WorkerClientOptions options;
    options.name = "m";
    options.workers.push_back(std::move(nobody));
    auto client = std::make_shared<inference::EncoderClient>(std::move(options));
    models_.add(
        {.name = "m", .aliases = {}, .text = {}, .encoder = inference::EncoderModel::open(kModel, client).value()});
  }
  void start() {
    runner_ = std::make_unique<Runner>(services_, *files_, batches_, tasks_,
                                       RunnerOptions{.now = [this] { return now_.load(); }});
    runner_->start();
  }
  void stop() { runner_.reset(); }

  std::string upload(const std::string& text) {
    store::FileDraft draft = files_->begin().value();
    EXPECT_TRUE(draft.append(text).ok());
    const std::string id = "in" + std::to_string(++made_);
    EXPECT_TRUE(files_->keep(std::move(draft), {.file_id = id, .owner = "k", .purpose = "file-extract"}).ok());
    return id;
  }
  std::string create(const std::string& file_id) {
    const auto call = dashscope::parse_embedding_task(R"({"model":"m","input":{"url":")" + file_id + "\"}}").value();
    const store::Batch task = tasks_.create(dashscope::task_of(call, "k", new_uuid(), now_)).value();
    if (runner_) runner_->wake();
    return task.batch_id;
  }
  store::Batch wait_for(const std::string& id, const std::function<bool(const store::Batch&)>& is_so) {
    for (int i = 0; i < 20'000; ++i) {
      const store::Batch task = tasks_.find("k", id).value();
      if (is_so(task)) return task;
      std::this_thread::sleep_for(1ms);
    }
    const store::Batch task = tasks_.find("k", id).value();
    ADD_FAILURE() << "the task is still " << state_name(state_of(task));
    return task;
  }
  store::Batch wait_for(const std::string& id, TaskState state) {
    return wait_for(id, [state](const store::Batch& task) { return state_of(task) == state; });
  }
  std::string errors_of(const std::string& text) {
    TextCheck check(InputLines(files_->read(files_->find("k", upload(text)).value()).value()), Ok{});
    while (!check.step().value()) continue;
    count_ = check.lines();
    return check.errors().empty() ? "" : std::string(check.errors()[0].at("code").as_string());
  }
  std::string unpacked(const store::StoredFile& stored) {
    const auto file = files_->read(stored).value();
    const auto bytes = file.read(0, file.size()).value();
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    std::string text(1 << 20, '\0');
    stream.next_in = const_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    text.resize(stream.total_out);
    inflateEnd(&stream);
    return text;
  }
  void answer(const std::string& task_id, int64_t line, bool is_failed, const std::string& text) {
    ASSERT_TRUE(batches_.record_answers(task_id, {{{.line = line, .is_failed = is_failed, .text = text}}}).ok());
  }

  store::TestFolder folder_;
  std::shared_ptr<store::Store> store_ = store::Store::open(folder_.path()).value();
  std::unique_ptr<store::Files> files_ = store::Files::open(store_, folder_.inner("files")).value();
  store::Batches batches_{store_};
  store::Tasks tasks_{store_};
  ServedModels models_;
  GatewayMetrics metrics_;
  Services services_;
  std::atomic<int64_t> now_{1'000};
  int made_ = 0;
  int64_t count_ = 0;
  std::mutex posted_mutex_;
  std::vector<std::thread> posted_;
  std::unique_ptr<Runner> runner_;
};

TEST_F(TaskLinesTest, AFileIsTextsInUtf8) {
  EXPECT_EQ(errors_of("a\n\n水\r\n  \nlast"), "");
  EXPECT_EQ(count_, 3);
  EXPECT_EQ(errors_of("\n \n"), "BadRequest.EmptyInput");
  EXPECT_EQ(errors_of("a\n\xff\n"), "BadRequest.UnsupportedFileFormat");
  EXPECT_EQ(errors_of("a\n" + std::string(kMaxLineBytes + 1, 'x')), "BadRequest.TooLarge");
  std::string many;
  for (int64_t i = 0; i < kMaxTexts; ++i) many += "x\n";
  EXPECT_EQ(errors_of(many), "");
  EXPECT_EQ(count_, kMaxTexts);
  EXPECT_EQ(errors_of(many + "x\n"), "BadRequest.TooLarge");
}

TEST_F(TaskLinesTest, AResultTellsEachTextByItsPlace) {
  EXPECT_EQ(embedded_line(1, "[0.5,-2]"), R"({"text_index":0,"embedding":[0.5,-2]})");
  EXPECT_EQ(failed_line(3, R"({"request_id":"r","code":"InvalidParameter","message":"no\n"})"),
            R"({"text_index":2,"code":"InvalidParameter","message":"no\n"})");
  for (const char* body : {"", "[]", "{}", R"({"code":7})"}) {
    EXPECT_EQ(parse_json(failed_line(1, body))->at("code").as_string(), "InternalError") << body;
  }
}

TEST_F(TaskLinesTest, AResultIsInTheOrderOfTheTextsAndHasThoseLeftOver) {
  const std::string id = create(upload("a\nb\nc\n\nd\n"));
  ASSERT_TRUE(batches_.begin_lines(id, 4, 5).ok());
  answer(id, 3, false, "third");
  answer(id, 1, true, "first");
  const store::Batch task = tasks_.find("k", id).value();
  const auto written = write_task_output(*files_, batches_, task, /*is_expired=*/false).value();
  EXPECT_EQ(unpacked(*written.output), "first\nthird\n");
  const auto late = write_task_output(*files_, batches_, task, /*is_expired=*/true).value();
  EXPECT_EQ(late.unanswered, 2);
  const std::string text = unpacked(*late.output);  // the same file, written again
  EXPECT_TRUE(text.starts_with("first\nthird\n{\"text_index\":1,\"code\":\"InternalError.Timeout\"")) << text;
  EXPECT_NE(text.find("{\"text_index\":4,"), std::string::npos) << text;
}

TEST_F(TaskLinesTest, AModelThatIsNotServedFailsTheTask) {
  start();
  const store::Batch task = wait_for(create(upload("a\n")), TaskState::kFailed);
  EXPECT_NE(task.errors.find("ModelNotFound"), std::string::npos) << task.errors;
}

TEST_F(TaskLinesTest, SomeOfAKeyRunAndTheOthersWaitAndCanBeCanceled) {
  serve_model();
  start();
  std::vector<std::string> ids;
  for (int i = 0; i < kTasksAtOnce + 3; ++i) ids.push_back(create(upload("a\nb\n")));
  for (int i = 0; i < kTasksAtOnce; ++i) wait_for(ids[i], TaskState::kRunning);
  EXPECT_EQ(tasks_.cancel("k", ids[0], now_).error().code(), Code::kFailedPrecondition);
  ASSERT_TRUE(tasks_.cancel("k", ids[kTasksAtOnce], now_).ok());
  runner_->wake();
  wait_for(ids[kTasksAtOnce], [](const store::Batch& task) { return task.status == BatchStatus::kCancelled; });
  stop();
  start();  // those that ran run on, the others wait on
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(state_of(*tasks_.find("k", ids.back())), TaskState::kPending);
  EXPECT_EQ(*tasks_.count("k", {.created_until = 2'000, .state = TaskState::kPending}), 2);
  now_ += dashscope::kTaskSeconds;
  for (const std::string& id : ids) {
    if (id == ids[kTasksAtOnce]) continue;
    const store::Batch task = wait_for(id, [](const store::Batch& one) { return store::is_over(one.status); });
    EXPECT_EQ(task.status, BatchStatus::kExpired);
    EXPECT_EQ(state_of(task), TaskState::kFailed);
  }
  const store::Batch late = tasks_.find("k", ids[0]).value();
  EXPECT_EQ(late.lines_failed, 2);
  EXPECT_NE(unpacked(*files_->find("k", late.output_file_id)).find("InternalError.Timeout"), std::string::npos);
}

TEST_F(TaskLinesTest, ADayAfterItsEndATaskIsForgottenWithItsResult) {
  const std::string id = create(upload("a\n"));
  ASSERT_TRUE(batches_.begin_lines(id, 1, 5).ok());
  answer(id, 1, false, "first");
  const auto written = write_task_output(*files_, batches_, *tasks_.find("k", id), false).value();
  ASSERT_TRUE(batches_.finish(id, BatchStatus::kCompleted, written.output, std::nullopt, 0, now_).ok());
  now_ += kTaskKeptSeconds;
  start();
  while (!batches_.answered_lines(id)->empty()) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(state_of(*tasks_.find("k", id)), TaskState::kSucceeded);
  stop();
  ++now_;
  start();
  while (tasks_.find("k", id).ok()) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(files_->find("k", written.output->file_id).ok());
}

}  // namespace
}  // namespace studio::api::batches
