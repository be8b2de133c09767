#include "inference/generation_runner.h"

#include <algorithm>
#include <deque>
#include <mutex>

#include "inference/choice_text.h"
#include "inference/prompt_echo.h"
#include "inference/tool_call_text.h"

namespace studio::inference {
namespace {

using engine::FinishReason;
using engine::TokenEvent;

// Streams call into it from several threads; it lives until the last of them has let go.
class Run {
 public:
  Run(const GenerationRequest& request, const ControlIds& ids, std::shared_ptr<const engine::Tokenizer> tokenizer,
      std::shared_ptr<ModelClient> client, GenerationSink sink)
      : has_answer_(request.max_tokens != 0),
        has_logprobs_(request.sampling.logprobs),
        tokenizer_(std::move(tokenizer)),
        client_(std::move(client)),
        sink_(std::move(sink)) {
    size_t choices = request.prompts.size() * static_cast<size_t>(request.n);
    end_.finish.resize(choices, Finish::kCancelled);
    running_ = choices;
    for (const Prompt& prompt : request.prompts) {
      end_.usage.prompt_tokens += static_cast<int64_t>(prompt.ids.size());
      end_.usage.has_marks = end_.usage.has_marks || !prompt.cache_marks.empty();
      for (int i = 0; i < request.n; ++i) {
        choices_.emplace_back(text_options(request, ids, prompt), i == 0);
        if (request.echoes) choices_.back().echo.emplace(prompt.echo, prompt.ids, tokenizer_.get());
        if (request.tool_format == ToolFormat::kNone || request.tools == nullptr) continue;
        choices_.back().calls.emplace(request.tools, request.tool_format,
                                      request.request_id + "#" + std::to_string(choices_.size() - 1));
      }
    }
  }

  // Takes the handle, unless the choice has ended already; what is left with the caller cancels when it goes.
  void keep(size_t choice, std::unique_ptr<TokenStream>& handle) {
    std::scoped_lock lock(handles_mutex_);
    if (!is_cancelled_ && !choices_[choice].is_over) choices_[choice].handle = std::move(handle);
  }

  void on_event(size_t index, const TokenEvent& event) {
    if (!take(index, event)) cancel();  // an answer of several choices is whole or none
  }
  // The choices from `first` on could not be started: they end with the error, those that run are cancelled.
  void refuse(size_t first, const Error& error) {
    cancel();
    std::scoped_lock lock(mutex_);
    if (!end_.error) end_.error = error;
    for (size_t i = first; i < choices_.size(); ++i) end_choice(i, Finish::kError);
  }

  // No callback once it returns, unless it is called from one.
  void detach() {
    {
      std::scoped_lock lock(mutex_);
      is_detached_ = true;
    }
    cancel();
  }

  void cancel() {
    std::vector<std::unique_ptr<TokenStream>> handles;
    {
      std::scoped_lock lock(handles_mutex_);
      is_cancelled_ = true;
      for (Choice& choice : choices_) {
        if (choice.handle) handles.push_back(std::move(choice.handle));
      }
    }
    // Letting go of a handle cancels its stream.
  }

 private:
  struct Choice {
    Choice(ChoiceTextOptions options, bool is_first) : text(std::move(options)), is_first_of_prompt(is_first) {}
    ChoiceText text;
    std::optional<ToolCallText> calls;
    std::optional<PromptEcho> echo;  // until it was told
    const bool is_first_of_prompt;
    engine::Usage usage;  // the most that was told of each
    bool is_accepted = false;
    bool is_over = false;                 // written under both mutexes
    std::unique_ptr<TokenStream> handle;  // guarded by handles_mutex_
  };

  ChoiceTextOptions text_options(const GenerationRequest& request, const ControlIds& ids, const Prompt& prompt) const {
    ChoiceTextOptions options;
    options.tokenizer = tokenizer_.get();
    options.stop = request.stop;
    options.hidden_ids = request.stop_ids;
    if (!request.ignore_eos) options.hidden_ids.insert(options.hidden_ids.end(), ids.ends.begin(), ids.ends.end());
    if (prompt.may_reason) {
      options.think = ids.think;
      options.end_think = ids.end_think;
    }
    options.is_open_reasoning = prompt.is_open_reasoning;
    options.max_answer_tokens = request.max_tokens;
    options.logprobs = request.sampling.logprobs;
    return options;
  }

  static Finish to_finish(FinishReason reason) {
    switch (reason) {
      case FinishReason::kLength:
        return Finish::kLength;
      case FinishReason::kCancelled:
        return Finish::kCancelled;
      case FinishReason::kError:
        return Finish::kError;
      case FinishReason::kStop:
      case FinishReason::kNone:
        break;
    }
    return Finish::kStop;
  }

  // False where the choice failed.
  bool take(size_t index, const TokenEvent& event) {
    std::scoped_lock lock(mutex_);
    Choice& choice = choices_[index];
    if (is_detached_ || choice.is_over) return true;
    bool is_refusal = event.finish == FinishReason::kError || event.finish == FinishReason::kCancelled;
    if (!is_refusal) accept(choice);
    if (is_detached_) return true;
    ChoiceDelta delta;
    delta.choice = static_cast<int>(index);
    std::optional<Finish> finish;
    if (choice.echo) echo(choice, event, delta);
    if (event.id >= 0 && has_answer_) {
      if (sink_.on_token) sink_.on_token(delta.choice);
      finish = choice.text.push(event, delta);
    } else if (event.id >= 0) {
      finish = Finish::kLength;
    }
    note_usage(choice, event.usage);
    if (!finish && event.finish != FinishReason::kNone) {
      choice.text.flush(delta);
      finish = to_finish(event.finish);
      if (event.error && !end_.error) end_.error = event.error;
    }
    if (choice.calls) {
      choice.calls->push(delta, finish.has_value());
      if (!finish && choice.calls->is_over()) finish = Finish::kStop;
      if (finish == Finish::kStop && choice.calls->calls() > 0) finish = Finish::kToolCalls;
    }
    if (!delta.is_empty()) sink_.on_delta(delta);
    if (is_detached_) return true;
    if (finish) end_choice(index, *finish);
    if (!finish && event.id >= 0 && sink_.on_turn) sink_.on_turn(delta.choice, false);
    return finish != Finish::kError;
  }

  // Before what the first token brings, however the prompt was cut in pieces.
  void echo(Choice& choice, const TokenEvent& event, ChoiceDelta& delta) {
    if (!event.scores.empty()) choice.echo->add(event.scores);
    if (event.id < 0) return;
    delta.text += choice.echo->text();
    if (has_logprobs_) delta.logprobs = choice.echo->logprobs();
    choice.echo.reset();
  }

  static void note_usage(Choice& choice, const engine::Usage& told) {
    engine::Usage& usage = choice.usage;
    usage.cached_tokens = std::max(usage.cached_tokens, told.cached_tokens);
    usage.held_tokens = std::max(usage.held_tokens, told.held_tokens);
    usage.newly_held_tokens = std::max(usage.newly_held_tokens, told.newly_held_tokens);
  }

  // The first event of a choice that is no refusal, whether it carries a token or not.
  void accept(Choice& choice) {
    if (choice.is_accepted) return;
    choice.is_accepted = true;
    if (++accepted_ == choices_.size() && sink_.on_accepted) sink_.on_accepted();
  }

  void end_choice(size_t index, Finish finish) {
    std::unique_ptr<TokenStream> handle;
    {
      std::scoped_lock lock(handles_mutex_);
      choices_[index].is_over = true;
      handle = std::move(choices_[index].handle);
    }
    handle.reset();  // cancels what a stop string cut short
    end_.finish[index] = finish;
    if (sink_.on_turn) sink_.on_turn(static_cast<int>(index), true);
    if (--running_ > 0) return;
    for (const Choice& choice : choices_) {
      end_.usage.completion_tokens += choice.text.tokens();
      end_.usage.reasoning_tokens += choice.text.reasoning_tokens();
      if (!choice.is_first_of_prompt) continue;
      const bool has_marks = end_.usage.has_marks;
      end_.usage.cached_tokens += has_marks ? choice.usage.held_tokens : choice.usage.cached_tokens;
      end_.usage.newly_held_tokens += choice.usage.newly_held_tokens;
    }
    sink_.on_end(end_);
  }

  const bool has_answer_, has_logprobs_;
  const std::shared_ptr<const engine::Tokenizer> tokenizer_;
  const std::shared_ptr<ModelClient> client_;
  const GenerationSink sink_;
  std::recursive_mutex mutex_;  // a callback may drop its generation
  std::deque<Choice> choices_;
  GenerationEnd end_;
  size_t running_ = 0, accepted_ = 0;
  bool is_detached_ = false;

  std::mutex handles_mutex_;  // taken after mutex_; alone by cancel(), which callers' locks may surround
  bool is_cancelled_ = false;
};

class RunningGeneration final : public Generation {
 public:
  explicit RunningGeneration(std::shared_ptr<Run> run) : run_(std::move(run)) {}
  ~RunningGeneration() override { run_->detach(); }
  void cancel() override { run_->cancel(); }

 private:
  std::shared_ptr<Run> run_;
};

int max_new_tokens(const GenerationRequest& request, const Prompt& prompt, int context_tokens) {
  int room = context_tokens - static_cast<int>(prompt.ids.size());
  if (!request.max_tokens && !request.max_completion_tokens) return std::min(room, kDefaultMaxTokens);
  int limit = room;
  if (request.max_completion_tokens) limit = std::min(limit, *request.max_completion_tokens);
  // Where reasoning may come first, the text side counts the answer.
  if (request.max_tokens && !prompt.may_reason) limit = std::min(limit, *request.max_tokens);
  return std::max(limit, 1);  // of none the token is drawn that says that the prompt is read
}

// Behind reasoning come line ends, which belong to neither part.
engine::AnswerConstraint constraint_of(const GenerationRequest& request, const ControlIds& ids, const Prompt& prompt) {
  engine::AnswerConstraint constraint;
  constraint.spec = request.constraint;
  if (!prompt.may_reason) return constraint;
  constraint.spec = "{\"after_line_ends\":true," + request.constraint.substr(1);
  constraint.end_reasoning = ids.end_think;
  constraint.is_open_reasoning = prompt.is_open_reasoning;
  if (!prompt.is_open_reasoning) constraint.begin_reasoning = ids.think;
  return constraint;
}

TokenRequest token_request(const GenerationRequest& request, const ControlIds& ids, const Prompt& prompt, int choice,
                           int choice_of_prompt, int context_tokens) {
  TokenRequest token;
  token.request_id = request.request_id + "#" + std::to_string(choice);
  engine::SequenceRequest& sequence = token.sequence;
  sequence.prompt = prompt.ids;
  sequence.sampling = request.sampling;
  sequence.sampling.stream = static_cast<uint32_t>(choice_of_prompt);
  sequence.max_new_tokens = max_new_tokens(request, prompt, context_tokens);
  sequence.stop_ids = request.stop_ids;
  if (!request.ignore_eos) sequence.stop_ids.insert(sequence.stop_ids.end(), ids.ends.begin(), ids.ends.end());
  if (prompt.thinking_budget && prompt.is_open_reasoning) {
    sequence.forced_end =
        engine::ForcedEnd{.after_tokens = *prompt.thinking_budget, .end_id = ids.end_think, .forced = ids.closing};
  }
  if (!request.constraint.empty()) sequence.constraint = constraint_of(request, ids, prompt);
  sequence.deadline = request.deadline;
  sequence.prefix_salt = request.prefix_salt;
  sequence.public_tokens = prompt.public_tokens;
  if (choice_of_prompt == 0) sequence.cache_marks = prompt.cache_marks;
  sequence.scores_prompt = request.echoes && request.sampling.logprobs;
  sequence.tenant = request.tenant;
  sequence.weight = request.weight;
  sequence.adapter = request.adapter;
  return token;
}

}  // namespace

Result<std::unique_ptr<Generation>> run_generation(GenerationRequest request, const ControlIds& ids, int context_tokens,
                                                   std::shared_ptr<const engine::Tokenizer> tokenizer,
                                                   std::shared_ptr<ModelClient> client, GenerationSink sink) {
  auto run = std::make_shared<Run>(request, ids, std::move(tokenizer), client, std::move(sink));
  auto generation = std::make_unique<RunningGeneration>(run);
  int choice = 0;
  for (const Prompt& prompt : request.prompts) {
    for (int i = 0; i < request.n; ++i, ++choice) {
      auto index = static_cast<size_t>(choice);
      auto handle = client->generate(token_request(request, ids, prompt, choice, i, context_tokens),
                                     [run, index](const TokenEvent& event) { run->on_event(index, event); });
      if (!handle.ok() && choice == 0) return std::move(handle).error();
      if (!handle.ok()) {
        // Earlier choices may have produced tokens, which count: the end tells them with the error.
        run->refuse(index, handle.error());
        return std::unique_ptr<Generation>(std::move(generation));
      }
      run->keep(index, *handle);
    }
  }
  return std::unique_ptr<Generation>(std::move(generation));
}

}  // namespace studio::inference
