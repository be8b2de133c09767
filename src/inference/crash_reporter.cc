#include "inference/crash_reporter.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/stop_signals.h"

namespace studio::inference {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxWaiting = 8;  // reports; a worker's restart takes longer than writing one

// "20261125T232312.123Z": names sort by age, also of workers that die in one second.
std::string name_of_now() {
  auto now = std::chrono::system_clock::now();
  auto second = std::chrono::floor<std::chrono::seconds>(now);
  auto past = std::chrono::duration_cast<std::chrono::milliseconds>(now - second).count();
  return utc_text(second, "%Y%m%dT%H%M%S.") + std::to_string(1000 + past).substr(1) + "Z";
}

}  // namespace

std::vector<std::string> list_crash_reports(const std::string& dir) {
  std::vector<std::string> reports;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename();
    if (name.starts_with("crash-") && name.ends_with(".json")) reports.push_back(it->path());
  }
  std::sort(reports.begin(), reports.end());  // names begin with the time
  return reports;
}

Result<std::string> save_crash_report(const std::string& dir, int pid, const std::string& report) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return Error(Code::kPermissionDenied, "cannot make " + dir + ": " + error.message());
  ::chmod(dir.c_str(), 0700);
  std::string path = dir + "/crash-" + name_of_now() + "-" + std::to_string(pid) + ".json";
  STUDIO_CHECK_OK(write_file_atomically(path, report, 0600));
  std::vector<std::string> all = list_crash_reports(dir);
  for (size_t i = 0; i + kMaxCrashReports < all.size(); ++i) fs::remove(all[i], error);
  return path;
}

struct CrashReporter::State {
  State(std::string where, std::string of) : dir(std::move(where)), program(std::move(of)) {}

  struct Item {
    WorkerDeath death;
    std::shared_ptr<const FlightMemory> memory;
  };

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (waiting.empty()) return;
      Item item = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      write(item);
      lock.lock();
    }
  }

  void write(const Item& item) const {
    std::vector<std::byte> recording = item.memory ? item.memory->bytes() : std::vector<std::byte>();
    if (!is_crash(item.death, recording)) return;
    auto path = save_crash_report(dir, item.death.pid, render_crash_report(item.death, recording, program));
    if (path.ok()) {
      log::error("worker.crash_report", {{"model", item.death.model}, {"pid", item.death.pid}, {"path", *path}});
    } else {
      log::error("worker.crash_report_failed", {{"model", item.death.model},
                                                {"pid", item.death.pid},
                                                {"why", path.error().message()},
                                                {"detail", path.error().detail().text}});
    }
  }

  const std::string dir, program;
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::deque<Item> waiting;
  bool stopping = false;
  std::thread thread;
};

CrashReporter::CrashReporter(std::string dir, std::string program)
    : state_(std::make_unique<State>(std::move(dir), std::move(program))) {
  StopSignalsBlocked in_the_new_thread;
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

CrashReporter::~CrashReporter() {
  {
    std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void CrashReporter::watch(const std::string& model, SupervisorOptions& supervisor) {
  struct Lives {
    std::shared_ptr<FlightMemory> memory;
    int restarts = -1;
  };
  auto lives = std::make_shared<Lives>();  // seen by the supervisor's thread alone
  supervisor.recorder_fd = [lives] {
    auto memory = FlightMemory::create();
    lives->memory = memory.ok() ? std::move(*memory) : nullptr;
    ++lives->restarts;
    return lives->memory ? lives->memory->fd() : -1;
  };
  supervisor.on_end = [this, lives, model](int pid, int wait_status, std::chrono::milliseconds lived) {
    note({.model = model,
          .pid = pid,
          .wait_status = wait_status,
          .restarts = lives->restarts,
          .lived_ms = lived.count()},
         lives->memory);
  };
}

void CrashReporter::note(const WorkerDeath& death, std::shared_ptr<const FlightMemory> memory) {
  {
    std::scoped_lock lock(state_->mutex);
    if (state_->waiting.size() >= kMaxWaiting) {
      log::warn("worker.crash_report_dropped", {{"model", death.model}, {"pid", death.pid}});
      return;
    }
    state_->waiting.push_back({death, std::move(memory)});
  }
  state_->changed.notify_all();
}

}  // namespace studio::inference
