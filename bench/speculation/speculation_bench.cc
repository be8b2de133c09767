// Tasks that repeat what they read, and ordinary chats, with and without speculation: the same bytes in fewer passes.
//
// speculation_bench MODEL [--tasks FOLDER] [--temperature T] [--max-tokens N] [--threads N] [--rounds N] [--only TEXT]
// Each task runs alone on a warm engine, without, with, without, with, and each time as somebody who has never asked
// before. Printed for each: tokens of the answer; tokens a pass, prompt aside; drafts that came true; and how much
// faster its tokens came, the median of the rounds' ratios. Then medians and the least of the folder. Exit 1: the ids
// of an answer differ, or a task failed.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "engine/schedule/engine.h"
#include "inference/text_model.h"

namespace {

using namespace studio;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, tasks = "bench/speculation/repetitive", only;
  float temperature = 0;
  int max_tokens = 512, threads = 0, rounds = 3;
};

struct Answer {
  std::vector<engine::TokenId> ids;
  std::string text;
  double seconds = 0;  // from the first token to the last
  uint64_t passes = 0, drafted = 0, accepted = 0;
};

// An engine of this process as the client of a TextModel, which notes what comes.
class LocalClient final : public inference::ModelClient {
 public:
  explicit LocalClient(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

  Result<std::unique_ptr<inference::TokenStream>> generate(inference::TokenRequest request,
                                                           engine::TokenSink sink) override {
    ids.clear();
    auto note = [this, sink = std::move(sink)](const engine::TokenEvent& event) {
      if (event.id >= 0) {
        last = Clock::now();
        if (ids.empty()) first = last;
        ids.push_back(event.id);
      }
      sink(event);
    };
    STUDIO_TRY(const engine::Engine::SequenceId id, engine_->submit(std::move(request.sequence), std::move(note)));
    return std::unique_ptr<inference::TokenStream>(std::make_unique<Stream>(*engine_, id));
  }
  inference::ModelStatus status() const override {
    inference::ModelStatus status;
    status.ready = true;
    status.info = engine_->info();
    status.stats = engine_->stats();
    return status;
  }
  // Counters follow the last event.
  engine::EngineStats idle_stats() const {
    engine::EngineStats stats;
    do {
      stats = engine_->stats();
    } while (stats.running + stats.waiting > 0);
    return stats;
  }

  std::vector<engine::TokenId> ids;
  Clock::time_point first, last;

 private:
  class Stream final : public inference::TokenStream {
   public:
    Stream(engine::Engine& engine, engine::Engine::SequenceId id) : engine_(engine), id_(id) {}
    ~Stream() override { engine_.cancel(id_); }
    void cancel() override { engine_.cancel(id_); }

   private:
    engine::Engine& engine_;
    engine::Engine::SequenceId id_;
  };
  std::unique_ptr<engine::Engine> engine_;
};

class Side {
 public:
  static Result<Side> open(const Options& options, engine::Speculation mode) {
    engine::EngineOptions settings;
    settings.model_path = options.model;
    settings.threads = options.threads;
    settings.share_prefixes = false;  // every round computes its prompt
    settings.speculation = mode;
    STUDIO_TRY(auto loaded, engine::Engine::load(settings));
    Side side;
    side.client_ = std::make_shared<LocalClient>(std::move(loaded));
    STUDIO_TRY(side.model_, inference::TextModel::open(options.model, side.client_, ""));
    return side;
  }

  Result<Answer> ask(const std::string& question, const Options& options, uint64_t asker) {
    inference::ChatPrompt chat;
    chat.messages.push_back({.role = "user", .content = question, .reasoning_content = {}});
    STUDIO_TRY(inference::Prompt prompt, model_->prepare_chat(chat));
    inference::GenerationRequest request;
    request.request_id = "bench";
    request.prompts.push_back(std::move(prompt));
    request.sampling.temperature = options.temperature;
    request.sampling.seed = 1;
    request.max_tokens = options.max_tokens;
    request.prefix_salt = asker;
    std::mutex mutex;
    std::condition_variable changed;
    bool is_over = false;
    Answer answer;
    Status status = Ok{};
    const engine::EngineStats before = client_->idle_stats();
    inference::GenerationSink sink;
    sink.on_delta = [&](const inference::ChoiceDelta& delta) { answer.text += delta.text; };
    sink.on_end = [&](const inference::GenerationEnd& end) {
      std::scoped_lock lock(mutex);
      if (end.error) status = *end.error;
      is_over = true;
      changed.notify_all();
    };
    STUDIO_TRY(auto running, model_->start(std::move(request), std::move(sink)));
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return is_over; });
    lock.unlock();
    STUDIO_CHECK_OK(status);
    const engine::EngineStats after = client_->idle_stats();
    answer.ids = client_->ids;
    answer.seconds = std::chrono::duration<double>(client_->last - client_->first).count();
    answer.passes = after.steps - before.steps;
    answer.drafted = after.drafted_tokens - before.drafted_tokens;
    answer.accepted = after.accepted_tokens - before.accepted_tokens;
    return answer;
  }

 private:
  std::shared_ptr<LocalClient> client_;
  std::shared_ptr<inference::TextModel> model_;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Result<Options> parse(int argc, char** argv) {
  Options options;
  if (argc < 2) return Error(Code::kInvalidArgument, "usage: speculation_bench MODEL [--NAME VALUE]...");
  options.model = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--tasks")
      options.tasks = value;
    else if (name == "--only")
      options.only = value;
    else if (name == "--temperature")
      options.temperature = std::strtof(value.c_str(), nullptr);
    else if (name == "--max-tokens")
      options.max_tokens = std::atoi(value.c_str());
    else if (name == "--threads")
      options.threads = std::atoi(value.c_str());
    else if (name == "--rounds")
      options.rounds = std::atoi(value.c_str());
    else
      return Error(Code::kInvalidArgument, "unknown option " + name);
  }
  return options;
}

std::map<std::string, std::string> read_tasks(const Options& options) {
  std::map<std::string, std::string> tasks;
  for (const auto& entry : std::filesystem::directory_iterator(options.tasks)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".txt" || name.find(options.only) == std::string::npos) continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    tasks[name] = text.str();
  }
  return tasks;
}

struct TaskResult {
  double per_pass = 0, speed = 0;
  bool is_same = true;
};

Result<TaskResult> run_task(const std::string& name, const std::string& question, const Options& options, Side& plain,
                            Side& guessed) {
  static uint64_t asker = 0;
  TaskResult result;
  std::vector<double> ratios;
  Answer with;
  for (int round = 0; round < options.rounds; ++round) {
    ++asker;
    STUDIO_TRY(const Answer without, plain.ask(question, options, asker));
    STUDIO_TRY(with, guessed.ask(question, options, asker));
    result.is_same = result.is_same && with.ids == without.ids && with.text == without.text;
    if (with.seconds > 0) ratios.push_back(without.seconds / with.seconds);
  }
  // The first token comes with the prompt's last pass.
  const auto tokens = static_cast<double>(with.ids.size()) - 1;
  result.per_pass = tokens / std::max(1.0, tokens - static_cast<double>(with.accepted));
  result.speed = median(ratios);
  std::printf("%-30s %6zu %8.2f %7llu/%-7llu %7.2f  %s\n", name.c_str(), with.ids.size(), result.per_pass,
              static_cast<unsigned long long>(with.accepted), static_cast<unsigned long long>(with.drafted),
              result.speed, result.is_same ? "same bytes" : "DIFFERENT");
  std::fflush(stdout);
  return result;
}

Result<bool> run(int argc, char** argv) {
  STUDIO_TRY(const Options options, parse(argc, argv));
  STUDIO_TRY(Side plain, Side::open(options, engine::Speculation::kOff));
  STUDIO_TRY(Side guessed, Side::open(options, engine::Speculation::kAuto));
  std::printf("%s, temperature %.1f\n%-30s %6s %8s %15s %7s\n", options.tasks.c_str(), options.temperature, "task",
              "tokens", "per pass", "accepted/drafts", "speed");
  std::vector<double> per_pass, speed;
  bool is_same = true;
  for (const auto& [name, question] : read_tasks(options)) {
    STUDIO_TRY(const TaskResult result, run_task(name, question, options, plain, guessed));
    per_pass.push_back(result.per_pass);
    speed.push_back(result.speed);
    is_same = is_same && result.is_same;
  }
  if (speed.empty()) return Error(Code::kInvalidArgument, "no tasks in " + options.tasks);
  std::printf("%zu tasks: tokens a pass, median %.2f, least %.2f; speed, median %.2f, least %.2f; %s\n", speed.size(),
              median(per_pass), *std::ranges::min_element(per_pass), median(speed), *std::ranges::min_element(speed),
              is_same ? "the same bytes with and without" : "BYTES DIFFER");
  return is_same;
}

}  // namespace

int main(int argc, char** argv) {
  const Result<bool> is_same = run(argc, argv);
  if (!is_same.ok()) {
    std::fprintf(stderr, "speculation_bench: %s\n", is_same.error().message().c_str());
    return 2;
  }
  return *is_same ? 0 : 1;
}
