// studio bench: what this machine gives with a model, measured on the engine itself.
//
// Every figure is taken `repeat` times and the median shown, after a round that does not count, in which memory is
// touched for the first time; the ids that come out must be the same each time, or the run fails. The roof is what
// memory bandwidth of the same minute allows: each token reads every weight once.
#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "cli/command.h"
#include "cli/engine_settings.h"
#include "cli/memory_speed.h"
#include "cli/models.h"
#include "engine/formats/open_model.h"
#include "engine/schedule/engine.h"

namespace studio::cli {
namespace {

using engine::Engine;
using engine::SequenceRequest;
using engine::TokenEvent;
using engine::TokenId;
using std::chrono::steady_clock;

constexpr int kStreamPrompt = 64;  // tokens before each stream's answer: a short question
constexpr int kAnswerPrompt = 16;  // before the one answer
constexpr int64_t kMaxTokens = 1 << 20, kMaxStreams = 256, kMaxRepeat = 100;

double seconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

// What a token costs by the file alone.
struct ModelCost {
  double bytes_per_token = 0;       // weights read for one token of an answer
  double ops_per_token = 0;         // two for each multiply and add
  double ops_per_prompt_token = 0;  // the head is computed for the prompt's last token only
};

Result<ModelCost> cost_of(const std::string& path) {
  STUDIO_TRY(auto file, engine::read_model_head(path));
  bool is_tied = file.find_tensor("output.weight") == nullptr;
  ModelCost cost;
  for (const engine::TensorInfo& tensor : file.tensors()) {
    if (tensor.n_dims < 2) continue;
    bool is_embedding = tensor.name == "token_embd.weight";
    if (is_embedding && !is_tied) continue;  // one row per token
    double ops = 2.0 * static_cast<double>(tensor.row_elements()) * static_cast<double>(tensor.rows());
    cost.bytes_per_token += static_cast<double>(engine::row_bytes(tensor.dtype, tensor.row_elements()) * tensor.rows());
    cost.ops_per_token += ops;
    if (!is_embedding && tensor.name != "output.weight") cost.ops_per_prompt_token += ops;
  }
  return cost;
}

// Ids all over the vocabulary, the same in every run.
std::vector<TokenId> some_ids(int count, int vocab_size, uint32_t seed) {
  std::vector<TokenId> ids;
  for (int i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    ids.push_back(static_cast<TokenId>((seed >> 8) % static_cast<uint32_t>(vocab_size)));
  }
  return ids;
}

// Runs sequences to their end and notes when tokens came.
class Timeline {
 public:
  explicit Timeline(int streams) : ids_(static_cast<size_t>(streams)) {}

  Status run(Engine& engine, const std::vector<SequenceRequest>& requests) {
    start_ = steady_clock::now();
    for (size_t i = 0; i < requests.size(); ++i) {
      auto id = engine.submit(requests[i], [this, i](const TokenEvent& event) { take(i, event); });
      if (!id.ok()) return id.error();
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ == ids_.size(); });
    if (error_) return *error_;
    return Ok{};
  }

  double first_token_s() const { return all_started_s_; }
  // New tokens a second while every stream was producing.
  double tokens_per_second() const {
    return static_cast<double>(window_tokens_) / std::max(1e-9, window_end_s_ - all_started_s_);
  }
  const std::vector<std::vector<TokenId>>& ids() const { return ids_; }

 private:
  void take(size_t stream, const TokenEvent& event) {
    double now = seconds_since(start_);
    std::scoped_lock lock(mutex_);
    if (event.id >= 0) {
      if (ids_[stream].empty() && ++started_ == ids_.size()) {
        all_started_s_ = now;
      } else if (started_ == ids_.size() && ended_ == 0) {
        ++window_tokens_;
        window_end_s_ = now;
      }
      ids_[stream].push_back(event.id);
    }
    if (event.finish == engine::FinishReason::kNone) return;
    if (event.error) error_ = event.error;
    ++ended_;
    changed_.notify_all();
  }

  steady_clock::time_point start_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<TokenId>> ids_;
  size_t started_ = 0, ended_ = 0;
  int64_t window_tokens_ = 0;
  double all_started_s_ = 0, window_end_s_ = 0;
  std::optional<Error> error_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class BenchCommand final : public Command {
 public:
  std::string name() const override { return "bench"; }
  std::string summary() const override { return "Measure a model on this machine: prompt, answer, several streams"; }
  std::string example() const override { return "  studio bench qwen2.5-coder-0.5b-instruct --streams 8"; }
  Arguments::Settings settings() const override { return settings_; }

  void declare(Arguments& arguments) override {
    arguments.positional(&model_, "MODEL", "name, file or folder; none: the default model", false);
    arguments.number(&prefill_, "--prefill", "N", "tokens of the prompt");
    arguments.number(&decode_, "--decode", "N", "tokens of each answer");
    arguments.number(&depth_, "--depth", "N", "tokens that stand before the prompt and before the one answer");
    arguments.number(&streams_, "--streams", "N", "answers at the same time");
    arguments.number(&repeat_, "--repeat", "N", "measurements of each figure; the median counts");
    declare_engine_flags(arguments, &settings_);
  }

  Result<int> run(Context& context) override;

 private:
  Status check() const {
    auto within = [](int64_t value, int64_t max, const char* flag) -> Status {
      if (value >= 1 && value <= max) return Ok{};
      return Error(Code::kInvalidArgument, std::string(flag) + " must be from 1 to " + std::to_string(max));
    };
    STUDIO_CHECK_OK(within(prefill_, kMaxTokens, "--prefill"));
    STUDIO_CHECK_OK(within(decode_, kMaxTokens, "--decode"));
    if (depth_ < 0 || depth_ > kMaxTokens) {
      return Error(Code::kInvalidArgument, "--depth must be from 0 to " + std::to_string(kMaxTokens));
    }
    STUDIO_CHECK_OK(within(streams_, kMaxStreams, "--streams"));
    return within(repeat_, kMaxRepeat, "--repeat");
  }

  struct Times {
    std::vector<double> first_token_s, tokens_per_second;  // one of each repetition
  };

  // Fails where two repetitions produced different ids.
  Result<Times> measure(Engine& engine, int streams, int prompt, int answer) const {
    Times times;
    std::vector<std::vector<TokenId>> first;
    for (int64_t round = 0; round <= repeat_; ++round) {
      std::vector<SequenceRequest> requests;
      for (int i = 0; i < streams; ++i) {
        SequenceRequest request;
        request.prompt = some_ids(prompt, engine.info().vocab_size, static_cast<uint32_t>(i + 1));
        request.sampling.temperature = 0;
        request.max_new_tokens = answer;
        requests.push_back(std::move(request));
      }
      Timeline timeline(streams);
      STUDIO_CHECK_OK(timeline.run(engine, requests));
      if (round == 0) {
        first = timeline.ids();
        continue;
      }
      if (timeline.ids() != first) {
        return Error(Code::kInternal, "two runs of the same prompts gave different tokens: this is a bug");
      }
      times.first_token_s.push_back(timeline.first_token_s());
      times.tokens_per_second.push_back(timeline.tokens_per_second());
    }
    return times;
  }

  // Tokens a second of a prompt behind `depth_` others, whose own time is taken off.
  Result<double> measure_prompt(Engine& engine) const {
    double before = 0;
    if (depth_ > 0) {
      STUDIO_TRY(const Times alone, measure(engine, 1, static_cast<int>(depth_), 1));
      before = median(alone.first_token_s);
    }
    STUDIO_TRY(const Times whole, measure(engine, 1, static_cast<int>(depth_ + prefill_), 1));
    return static_cast<double>(prefill_) / std::max(1e-9, median(whole.first_token_s) - before);
  }

  std::string model_;
  int64_t prefill_ = 512, decode_ = 64, depth_ = 0, streams_ = 8, repeat_ = 3;
  Arguments::Settings settings_;
};

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

Result<int> BenchCommand::run(Context& context) {
  STUDIO_CHECK_OK(check());
  STUDIO_TRY(auto found, model_.empty() ? find_default_model(context) : find_model(context, model_));
  STUDIO_TRY(auto options, worker_options(context.config));
  options.engine.model_path = found.path;
  options.engine.share_prefixes = false;                   // every round computes the same prompts ...
  options.engine.speculation = engine::Speculation::kOff;  // ... and gives the same answers
  options.engine.max_sequences = std::max<int>(options.engine.max_sequences, static_cast<int>(streams_));
  STUDIO_TRY(ModelCost cost, cost_of(found.path));
  auto start = steady_clock::now();
  STUDIO_TRY(auto engine, Engine::load(options.engine));
  double load_s = seconds_since(start);
  const engine::EngineInfo& info = engine->info();

  double memory_gbs = memory_read_gbs(info.threads);
  int answer = static_cast<int>(decode_) + 1;  // the first token belongs to the prompt's time
  auto tell = [&](const std::string& what) {
    context.output.note(context.output.dim("measuring " + what + ", " + std::to_string(repeat_) + " times ..."));
  };
  tell("the prompt");
  STUDIO_TRY(const double prefill_rate, measure_prompt(*engine));
  tell("one answer");
  STUDIO_TRY(const Times decode, measure(*engine, 1, static_cast<int>(depth_) + kAnswerPrompt, answer));
  tell(std::to_string(streams_) + " answers at once");
  STUDIO_TRY(const Times streams, measure(*engine, static_cast<int>(streams_), kStreamPrompt, answer));
  double decode_rate = median(decode.tokens_per_second), streams_rate = median(streams.tokens_per_second);
  double roof = memory_gbs * 1e9 / cost.bytes_per_token;

  Output& output = context.output;
  if (output.is_json()) {
    output.print_json(boost::json::object{{"model", found.name},
                                          {"kernels", info.kernels},
                                          {"threads", info.threads},
                                          {"kv_type", engine::kv_type_name(options.engine.kv_type)},
                                          {"load_s", load_s},
                                          {"prefill", prefill_rate},
                                          {"decode", decode_rate},
                                          {"streams", streams_rate},
                                          {"prefill_tokens", prefill_},
                                          {"decode_tokens", decode_},
                                          {"depth", depth_},
                                          {"stream_count", streams_},
                                          {"memory_gbs", memory_gbs},
                                          {"decode_share_of_roof", decode_rate / roof},
                                          {"bytes_per_token", cost.bytes_per_token},
                                          {"ops_per_token", cost.ops_per_token},
                                          {"ops_per_prompt_token", cost.ops_per_prompt_token}});
    return 0;
  }
  const std::string behind = depth_ > 0 ? " behind " + std::to_string(depth_) : "";
  output.print(output.bold(found.name) + ", " + info.kernels + " kernels, " + std::to_string(info.threads) +
               " threads; loaded in " + fixed(load_s, 2) + " s; memory " + fixed(memory_gbs, 1) + " GB/s\n");
  output.print(table({{output.dim("WHAT"), output.dim("TOKENS/S"), output.dim("NOTE")},
                      {"prompt of " + std::to_string(prefill_) + behind, fixed(prefill_rate, 1),
                       fixed(prefill_rate * cost.ops_per_prompt_token / 1e12, 2) + " TOPS"},
                      {"answer of " + std::to_string(decode_) + behind, fixed(decode_rate, 1),
                       fixed(100 * decode_rate / roof, 0) + " % of what memory allows"},
                      {std::to_string(streams_) + " answers at once", fixed(streams_rate, 1),
                       fixed(streams_rate / decode_rate, 1) + " times one"}},
                     {1}));
  return 0;
}

}  // namespace

std::unique_ptr<Command> make_bench_command() {
  return std::make_unique<BenchCommand>();
}

}  // namespace studio::cli
