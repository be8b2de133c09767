// Works through batches and tasks: one thread that checks their files, runs their lines a few at a time, stores what
// came of them, and writes their files. "Batch" here is either; line_kind.h says what differs.
//
// Each step is stored before the next begins, and may be repeated: after a kill the runner reads from the store which
// batches are not over and which of their lines have no answer. A line that meets a server without room or model is
// tried again until the batch's window ends; any other refusal is its answer.
// Batches share what may run at once, one line in turn; of one key the oldest goes first. Of a key's tasks a few are
// begun at a time, the others wait in the state in which they can be canceled; a day after its end a task is forgotten.
// Threads: start(), wake() and stop() from any; everything else is the runner's own thread's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <vector>

#include "api/batches/line_kind.h"
#include "api/batches/line_run.h"
#include "api/serving/services.h"
#include "store/batches.h"
#include "store/files.h"
#include "store/tasks.h"

namespace studio::api::batches {

inline constexpr int kTasksAtOnce = 3;                     // of a key: the vendor's own
inline constexpr int64_t kTaskKeptSeconds = 24 * 60 * 60;  // after its end, with its result: the vendor's own

inline constexpr int64_t kBatchKeptSeconds = 30 * 24 * 60 * 60;  // after its end, its files longer: the vendor's own

struct RunnerOptions {
  size_t lines_at_once = 8;  // half of what an engine computes together: the rest stays for who waits for an answer
  std::function<int64_t()> now = {};  // Unix seconds; empty: the clock
};

class Runner {
 public:
  // Everything outlives the runner. Of `services` the limits that are for who waits do not hold here.
  Runner(const Services& services, store::Files& files, store::Batches& batches, store::Tasks& tasks,
         RunnerOptions options = {});
  ~Runner();  // stop()

  void start();
  void wake();  // a batch was made or is to be cancelled
  // Lines that run are cut and run again after the next start. Idempotent.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  struct Retry {
    LineCall call;
    Clock::time_point not_before;
  };
  // A batch that is not over.
  struct Work {
    store::Batch batch;
    std::unique_ptr<FileCheck> check;  // while it is validated
    std::optional<InputLines> lines;   // once it runs
    std::unordered_set<int64_t> answered;
    bool is_read_out = false;  // every line was handed out
    std::deque<Retry> retries;
    std::map<int64_t, std::shared_ptr<LineRun>> running;
    std::vector<store::LineAnswer> to_record;
    Clock::time_point not_before;  // after a fault of the disk
  };
  // What other threads bring. Lines hold it, so it may outlive the runner.
  struct Mailbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<LineOutcome> ended;
    bool is_woken = true, is_stopping = false;
  };

  void loop();
  bool step(std::vector<LineOutcome> ended, bool is_woken);  // true: there is more to do at once
  void cut_all();

  void take(LineOutcome outcome);
  void take_cut(Work& work, const LineOutcome& outcome);
  void record(Work& work);
  Status refresh();
  bool move(Work& work);
  Status validate(Work& work);
  Status fail(Work& work, const boost::json::array& errors);
  Status open_lines(Work& work);
  bool move_running(Work& work);
  Status end(Work& work, store::BatchStatus last);
  Status forget_old();
  Result<size_t> forget_old_tasks();

  bool feed();
  std::vector<Work*> candidates();
  Result<std::optional<LineCall>> next_call(Work& work);
  bool has_lines(const Work& work) const;
  size_t running() const;

  int64_t now() const { return options_.now ? options_.now() : std::time(nullptr); }
  void note_fault(Work& work, const Error& error);

  OpenAnswers open_answers_;  // not the one that limits a key and holds up a drain
  Services services_;
  store::Files& files_;
  store::Batches& batches_;
  store::Tasks& tasks_;
  const RunnerOptions options_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::map<int64_t, Work> works_;  // by sequence: the oldest first
  size_t turn_ = 0;
  bool may_have_old_answers_ = true;
  Clock::time_point look_for_old_at_;
  std::thread thread_;
};

}  // namespace studio::api::batches
