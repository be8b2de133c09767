// A running generation as text: `n` choices of each prompt, from token ids to reasoning, answer and logprobs.
//
// What a token stream brings is decoded (a character never comes in halves), split into reasoning and answer, and held
// back as long as it may become a stop string. One sink sees all choices; on_end comes once, last.
// Threads: callbacks come one at a time, on threads of the client's choosing, and must not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sampling/params.h"
#include "engine/tensor/token.h"
#include "inference/tools.h"

namespace studio::inference {

inline constexpr int kMaxChoices = 16;          // of one request, all prompts together: one full batch
inline constexpr int kDefaultMaxTokens = 8192;  // where the request names no limit: what the hosted Qwen models allow
inline constexpr size_t kMaxStopStrings = 16;   // OpenAI takes 4, the original more
inline constexpr size_t kMaxStopBytes = 1024;   // of one stop string: bounds what is held back

struct Prompt {
  std::vector<engine::TokenId> ids;
  bool is_open_reasoning = false;  // the ids end inside <think>
  std::optional<int> thinking_budget;
  bool may_reason = false;            // reasoning is split from the answer
  int public_tokens = 0;              // the first ones, which are everybody's; set by TextModel::start()
  std::vector<int> cache_marks = {};  // beginnings to be held (engine.h), by their tokens; ascending
  std::string echo = {};              // what a request that echoes calls its text
};

struct GenerationRequest {
  std::string request_id;                    // unique; choices are "<id>#<index>"
  std::vector<Prompt> prompts;               // one, or several (completions)
  int n = 1;                                 // choices of each prompt: choice index = prompt * n + i
  engine::SamplingParams sampling;           // `stream` is set per choice
  std::optional<int> max_tokens;             // of the answer, reasoning not counted; 0: the prompt alone, echoed
  std::optional<int> max_completion_tokens;  // of both
  std::vector<std::string> stop;             // kept out of the text
  std::vector<engine::TokenId> stop_ids;     // besides the model's own
  bool ignore_eos = false;                   // benchmarks: the model's own end does not end it
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Of who asks (engine.h): computed prefixes are shared within one salt, the engine between tenants by weight.
  uint64_t prefix_salt = 0, tenant = 0;
  int weight = 1;
  // What every choice's answer is held to, behind its reasoning: a spec (engine/constrain/spec.h); empty: nothing.
  std::string constraint;
  std::shared_ptr<const ToolSet> tools;  // calls are told from the text where there are some
  ToolFormat tool_format = ToolFormat::kNone;
  bool echoes = false;  // the prompt's text, and its logprobs where they are asked for, come before the answer
  std::string adapter;  // digest of one that the model's workers hold; empty: none
};

struct TokenLogprob {
  struct Alternative {
    std::string bytes;  // of the token, perhaps no whole character
    float logprob = 0;
  };
  std::string bytes;
  float logprob = 0;
  std::vector<Alternative> top;  // descending
  bool is_known = true;          // false: the first token of a prompt, which nothing comes before
};

// A piece of one choice. Reasoning always comes before the answer, text before calls; at least one is not empty.
struct ChoiceDelta {
  int choice = 0;
  std::string reasoning;
  std::string text;
  std::vector<ToolCallDelta> tool_calls = {};
  std::vector<TokenLogprob> logprobs;  // of the answer's tokens, if asked for; of each token once

  bool is_empty() const { return reasoning.empty() && text.empty() && tool_calls.empty() && logprobs.empty(); }
};

enum class Finish {
  kStop,
  kToolCalls,  // whole calls end it
  kLength,
  kCancelled,
  kError,
};

struct GenerationUsage {
  int64_t prompt_tokens = 0;      // every prompt once, whatever n
  int64_t cached_tokens = 0;      // of them; where beginnings are marked to be held, those that were held before
  int64_t newly_held_tokens = 0;  // of them, that are held from now on
  bool has_marks = false;
  int64_t completion_tokens = 0;  // over all choices, reasoning and end tokens included
  int64_t reasoning_tokens = 0;   // of them
};

struct GenerationEnd {
  std::vector<Finish> finish;  // per choice
  std::optional<Error> error;  // the first, where a choice ended with kError
  GenerationUsage usage;
};

struct GenerationSink {
  // Once: every choice was taken by the model's side, so what fails from here on fails in the middle of an answer.
  // Pieces of one choice may come before, while another is still asked for. May be empty.
  std::function<void()> on_accepted;
  // Each token of a choice as it comes, before the piece it may complete: for timing. May be empty.
  std::function<void(int choice)> on_token;
  std::function<void(const ChoiceDelta&)> on_delta;
  // Behind each token of a choice and the piece that it completed, and behind the choice's last piece: what came since
  // the last time is a function of the ids alone, however they arrived. May be empty.
  std::function<void(int choice, bool is_last)> on_turn;
  std::function<void(const GenerationEnd&)> on_end;
};

// Dropping it cancels what runs; the sink is not called after the destructor returns.
class Generation {
 public:
  virtual ~Generation() = default;
  // Every choice that runs ends with kCancelled; on_end follows with the usage so far. Idempotent.
  virtual void cancel() = 0;
};

}  // namespace studio::inference
