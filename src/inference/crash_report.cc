#include "inference/crash_report.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/stop_signals.h"
#include "base/version.h"
#include "inference/elf_symbols.h"

namespace studio::inference {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr size_t kMaxWaiting = 8;  // reports; a worker's restart takes longer than writing one

// Names of ours, which a dying process may have spoilt: what is not in them becomes '?'.
template <size_t N>
std::string clean_text(const char (&place)[N]) {
  std::string text(place, ::strnlen(place, N));
  for (char& c : text) {
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_plain && !std::strchr("._-+#", c)) c = '?';
  }
  return text;
}

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

json::value number(float value) {
  if (!std::isfinite(value)) return nullptr;
  return std::round(static_cast<double>(value) * 1e6) / 1e6;
}

std::unique_ptr<FlightRecording> recording_of(std::span<const std::byte> bytes) {
  auto recording = std::make_unique<FlightRecording>();
  if (bytes.size() != sizeof(FlightRecording)) return nullptr;
  std::memcpy(static_cast<void*>(recording.get()), bytes.data(), bytes.size());
  return recording->magic == kRecordingMagic ? std::move(recording) : nullptr;
}

std::string utc(std::chrono::system_clock::time_point when, const char* format) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  std::strftime(text, sizeof text, format, &parts);
  return text;
}

// "20261125T232312.123Z": names sort by age, also of workers that die in one second.
std::string name_of_now() {
  auto now = std::chrono::system_clock::now();
  auto second = std::chrono::floor<std::chrono::seconds>(now);
  auto past = std::chrono::duration_cast<std::chrono::milliseconds>(now - second).count();
  return utc(second, "%Y%m%dT%H%M%S.") + std::to_string(1000 + past).substr(1) + "Z";
}

json::value signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  if (name == nullptr) return nullptr;
  return json::string("SIG" + std::string(name));
}

json::object frame_of(const FlightRecording& recording, uint64_t address, const std::optional<ElfSymbols>& symbols) {
  json::object frame;
  const size_t count = std::min<size_t>(recording.module_count, kRecordedModules);
  for (size_t i = 0; i < count; ++i) {
    const RecordedModule& module = recording.modules[i];
    if (address < module.base || address - module.base >= module.size) continue;
    const uint64_t offset = address - module.base;
    frame["module"] = clean_text(module.name);
    frame["offset"] = hex(offset);
    // An address of the stack is where a call returns to: the call itself lies before it.
    std::string name = i == 0 && symbols && offset > 0 ? symbols->name_of(offset - 1) : std::string();
    if (!name.empty()) frame["function"] = name;
    return frame;
  }
  frame["module"] = nullptr;
  return frame;
}

json::array stack_of(const FlightRecording& recording, const std::string& program) {
  json::array stack;
  const size_t count = std::min<size_t>(recording.frame_count, kRecordedFrames);
  std::optional<ElfSymbols> symbols;
  if (count > 0) {
    auto opened = ElfSymbols::open(program);
    if (opened.ok()) symbols = std::move(*opened);
  }
  for (size_t i = 0; i < count; ++i) stack.push_back(frame_of(recording, recording.frames[i], symbols));
  return stack;
}

json::array sequences_of(const FlightRecording& recording) {
  json::array sequences;
  for (const RecordedSequence& slot : recording.sequences) {
    if (slot.is_used == 0) continue;
    sequences.push_back(json::object{{"request_id", clean_text(slot.request_id)},
                                     {"prompt_tokens", slot.prompt_tokens},
                                     {"resumed_tokens", slot.resumed_tokens},
                                     {"produced_tokens", slot.produced.load()},
                                     {"max_tokens", slot.max_tokens},
                                     {"temperature", number(slot.temperature)},
                                     {"top_k", slot.top_k},
                                     {"top_p", number(slot.top_p)},
                                     {"min_p", number(slot.min_p)},
                                     {"repetition_penalty", number(slot.repetition_penalty)},
                                     {"presence_penalty", number(slot.presence_penalty)},
                                     {"frequency_penalty", number(slot.frequency_penalty)},
                                     {"seed", slot.seed},
                                     {"stream_index", slot.stream_index},
                                     {"top_logprobs", slot.top_logprobs}});
  }
  return sequences;
}

}  // namespace

bool is_crash(const WorkerDeath& death, std::span<const std::byte> recording) {
  if (WIFSIGNALED(death.wait_status)) return true;
  // A sanitizer's handler ends with an exit status of its own, after ours has noted the signal.
  auto noted = recording_of(recording);
  return noted && noted->signal != 0;
}

std::string render_crash_report(const WorkerDeath& death, std::span<const std::byte> bytes,
                                const std::string& program) {
  auto recording = recording_of(bytes);
  const int noted = recording ? recording->signal.load() : 0;
  const int number = noted != 0 ? noted : (WIFSIGNALED(death.wait_status) ? WTERMSIG(death.wait_status) : 0);
  json::object report{{"format", 1},
                      {"time", utc(std::chrono::system_clock::now(), "%Y-%m-%dT%H:%M:%SZ")},
                      {"version", kVersion},
                      {"model", death.model},
                      {"pid", death.pid},
                      {"lived_ms", death.lived_ms},
                      {"restarts", death.restarts},
                      {"signal", number},
                      {"signal_name", signal_name(number)}};
  if (noted != 0) {
    report["signal_code"] = recording->signal_code;
    // Zero and below: another process sent it, and there is no address.
    if (recording->signal_code > 0) report["address"] = hex(recording->address);
    report["thread"] = recording->thread_id;
  }
  if (recording) {
    report["architecture"] = clean_text(recording->architecture);
    report["model_digest"] = clean_text(recording->model_digest);
    report["numerics_class"] = clean_text(recording->numerics_class);
    report["kernels"] = clean_text(recording->kernels);
    report["stack"] = stack_of(*recording, program);
    report["sequences"] = sequences_of(*recording);
    report["sequences_left_out"] = recording->sequences_left_out.load();
  }
  return to_json(report) + "\n";
}

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
