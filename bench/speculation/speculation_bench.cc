// Tasks that repeat what they read, and ordinary chats, with and without speculation: the same bytes in fewer passes.
//
// speculation_bench MODEL [--draft-model FILE] [--tasks FOLDER] [--temperature T] [--max-tokens N] [--threads N]
//                   [--rounds N] [--only TEXT] [--json OUT]
// Each task runs alone on a warm engine, without, with, with, without, and each time as somebody who has never asked
// before; one engine, as where its weights lie in memory alone makes two differ by a tenth. With a draft model that
// has its turns too. Printed for each: tokens of the answer; tokens a pass,
// prompt aside; drafts that came true; passes of the draft model; and how much faster its tokens came, the median of
// the rounds' ratios. Then medians and the least of the folder. Exit 1: the ids of an answer differ, or a task failed.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
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

#include "base/json.h"
#include "engine/schedule/engine.h"
#include "inference/text_model.h"

namespace {

using namespace studio;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, draft_model, tasks = "bench/speculation/repetitive", only, json;
  float temperature = 0;
  int max_tokens = 512, threads = 0, rounds = 3;
};

// A short answer's time is uncertain: it has more rounds, until they took so long without speculation.
constexpr double kLeastSeconds = 3;
constexpr int kMostRounds = 9;

struct Answer {
  std::vector<engine::TokenId> ids;
  std::string text;
  double seconds = 0;  // from the first token to the last
  uint64_t drafted = 0, accepted = 0, draft_passes = 0;
};

// An engine of this process as the client of a TextModel, which notes what comes.
class LocalClient final : public inference::ModelClient {
 public:
  explicit LocalClient(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

  Result<std::unique_ptr<inference::TokenStream>> generate(inference::TokenRequest request,
                                                           engine::TokenSink sink) override {
    ids.clear();
    request.sequence.guesses = guesses;
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

  engine::Guesses guesses = engine::Guesses::kAll;  // of what is asked next
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

class Asker {
 public:
  static Result<Asker> open(const Options& options) {
    engine::EngineOptions settings;
    settings.model_path = options.model;
    settings.draft_model_path = options.draft_model;
    settings.threads = options.threads;
    settings.share_prefixes = false;  // every round computes its prompt
    STUDIO_TRY(auto loaded, engine::Engine::load(settings));
    Asker asker;
    asker.client_ = std::make_shared<LocalClient>(std::move(loaded));
    STUDIO_TRY(asker.model_, inference::TextModel::open(options.model, asker.client_, ""));
    return asker;
  }

  Result<Answer> ask(const std::string& question, const Options& options, engine::Guesses guesses, uint64_t tenant) {
    client_->guesses = guesses;
    inference::ChatPrompt chat;
    chat.messages.push_back({.role = "user", .content = question, .reasoning_content = {}});
    STUDIO_TRY(inference::Prompt prompt, model_->prepare_chat(chat));
    inference::GenerationRequest request;
    request.request_id = "bench";
    request.prompts.push_back(std::move(prompt));
    request.sampling.temperature = options.temperature;
    request.sampling.seed = 1;
    request.max_tokens = options.max_tokens;
    request.prefix_salt = tenant;
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
    answer.drafted = after.drafted_tokens - before.drafted_tokens;
    answer.accepted = after.accepted_tokens - before.accepted_tokens;
    answer.draft_passes = after.draft_passes - before.draft_passes;
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
    else if (name == "--draft-model")
      options.draft_model = value;
    else if (name == "--json")
      options.json = value;
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
  std::string task;
  size_t tokens = 0;
  double per_pass = 0, speed = 0;
  bool is_same = true;
};

// Of one way to speculate, by task.
using Results = std::vector<TaskResult>;

struct Way {
  std::string name;
  engine::Guesses guesses;
};

TaskResult result_of(const std::string& name, const Way& way, const Answer& answer, double speed, bool is_same) {
  // The first token comes with the prompt's last pass.
  const double tokens = static_cast<double>(answer.ids.size()) - 1;
  const double per_pass = tokens / std::max(1.0, tokens - static_cast<double>(answer.accepted));
  std::printf("%-30s %-12s %6zu %8.2f %7llu/%-7llu %6llu %7.2f  %s\n", name.c_str(), way.name.c_str(),
              answer.ids.size(), per_pass, static_cast<unsigned long long>(answer.accepted),
              static_cast<unsigned long long>(answer.drafted), static_cast<unsigned long long>(answer.draft_passes),
              speed, is_same ? "same bytes" : "DIFFERENT");
  std::fflush(stdout);
  return {name, answer.ids.size(), per_pass, speed, is_same};
}

// ways[0] is without. Every second round runs backwards, so that none comes always first.
Result<std::vector<TaskResult>> run_task(const std::string& name, const std::string& question, const Options& options,
                                         const std::vector<Way>& ways, Asker& asker) {
  static uint64_t tenant = 0;
  std::vector<std::vector<double>> ratios(ways.size());
  std::vector<Answer> answers(ways.size());
  std::vector<bool> same(ways.size(), true);
  double seconds = 0;
  for (int round = 0; round < options.rounds || (seconds < kLeastSeconds && round < kMostRounds); ++round) {
    for (size_t i = 0; i < ways.size(); ++i) {
      const size_t way = round % 2 == 0 ? i : ways.size() - 1 - i;
      STUDIO_TRY(answers[way], asker.ask(question, options, ways[way].guesses, ++tenant));
    }
    seconds += answers[0].seconds;
    for (size_t i = 1; i < ways.size(); ++i) {
      same[i] = same[i] && answers[i].ids == answers[0].ids && answers[i].text == answers[0].text;
      if (answers[i].seconds > 0) ratios[i].push_back(answers[0].seconds / answers[i].seconds);
    }
  }
  std::vector<TaskResult> results;
  for (size_t i = 1; i < ways.size(); ++i) {
    results.push_back(result_of(name, ways[i], answers[i], median(ratios[i]), same[i]));
  }
  return results;
}

std::vector<double> all(const Results& results, double TaskResult::* of) {
  std::vector<double> values;
  for (const TaskResult& result : results) values.push_back(result.*of);
  return values;
}

bool all_same(const Results& results) {
  return std::ranges::all_of(results, &TaskResult::is_same);
}

Status write_json(const Options& options, const std::vector<Way>& ways, const std::vector<Results>& found) {
  boost::json::object whole;
  for (size_t i = 1; i < ways.size(); ++i) {
    boost::json::array tasks;
    for (const TaskResult& result : found[i]) {
      tasks.push_back({{"task", result.task},
                       {"tokens", result.tokens},
                       {"per_pass", result.per_pass},
                       {"speed", result.speed},
                       {"same", result.is_same}});
    }
    const std::vector<double> speed = all(found[i], &TaskResult::speed);
    whole[ways[i].name] = {{"median", median(speed)},
                           {"least", *std::ranges::min_element(speed)},
                           {"same", all_same(found[i])},
                           {"tasks", std::move(tasks)}};
  }
  std::ofstream file(options.json);
  file << to_json(whole) << "\n";
  if (!file.flush()) return Error(Code::kUnavailable, "cannot write " + options.json);
  return Ok{};
}

Result<bool> run(int argc, char** argv) {
  STUDIO_TRY(const Options options, parse(argc, argv));
  STUDIO_TRY(Asker asker, Asker::open(options));
  std::vector<Way> ways = {{"without", engine::Guesses::kNone}, {"lookup", engine::Guesses::kLookedUp}};
  if (!options.draft_model.empty()) ways.push_back({"draft model", engine::Guesses::kAll});
  std::printf("%s, temperature %.1f\n%-30s %-12s %6s %8s %15s %6s %7s\n", options.tasks.c_str(), options.temperature,
              "task", "with", "tokens", "per pass", "accepted/drafts", "passes", "speed");
  std::vector<Results> found(ways.size());
  for (const auto& [name, question] : read_tasks(options)) {
    STUDIO_TRY(const std::vector<TaskResult> results, run_task(name, question, options, ways, asker));
    for (size_t i = 0; i < results.size(); ++i) found[i + 1].push_back(results[i]);
  }
  if (found[1].empty()) return Error(Code::kInvalidArgument, "no tasks in " + options.tasks);
  bool is_same = true;
  for (size_t i = 1; i < ways.size(); ++i) {
    const std::vector<double> per_pass = all(found[i], &TaskResult::per_pass),
                              speed = all(found[i], &TaskResult::speed);
    is_same = is_same && all_same(found[i]);
    std::printf("%zu tasks, %s: tokens a pass, median %.2f, least %.2f; speed, median %.2f, least %.2f; %s\n",
                speed.size(), ways[i].name.c_str(), median(per_pass), *std::ranges::min_element(per_pass),
                median(speed), *std::ranges::min_element(speed),
                all_same(found[i]) ? "the same bytes with and without" : "BYTES DIFFER");
  }
  if (!options.json.empty()) STUDIO_CHECK_OK(write_json(options, ways, found));
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
