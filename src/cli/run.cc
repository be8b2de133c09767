// studio run: one answer on standard output; the prompt from the words, from a pipe, or both.
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <iterator>

#include "base/json.h"
#include "cli/answer_printer.h"
#include "cli/conversation.h"
#include "cli/engine_settings.h"
#include "cli/interrupt.h"
#include "cli/server_session.h"

namespace studio::cli {
namespace {

constexpr size_t kMaxPromptBytes = 16 << 20;  // of a pipe; no model here takes more

Result<std::string> read_pipe() {
  std::string text;
  char buffer[1 << 16];
  while (size_t count = std::fread(buffer, 1, sizeof buffer, stdin)) {
    text.append(buffer, count);
    if (text.size() > kMaxPromptBytes) return Error(Code::kPayloadTooLarge, "the piped text is longer than any prompt");
  }
  return text;
}

class RunCommand final : public Command {
 public:
  std::string name() const override { return "run"; }
  std::string summary() const override { return "One answer, on standard output; reads a pipe too"; }
  std::string example() const override {
    return "  studio run qwen2.5-coder-0.5b-instruct \"Write fizzbuzz in C\"\n"
           "  git diff | studio run qwen2.5-coder-1.5b-instruct \"Write a commit message for this diff\"\n"
           "  studio run ./base-model.gguf --raw \"Once upon a time\"    # goes on with the text; for base models\n"
           "  studio run qwen2.5-coder-0.5b-instruct    # in a terminal, without a prompt: a conversation";
  }
  Arguments::Settings settings() const override { return settings_; }

  void declare(Arguments& arguments) override {
    arguments.positional(&model_, "MODEL", "name, file or folder", true);
    arguments.positionals(&words_, "PROMPT", "the question; a piped text is put after it");
    arguments.option(&system_, "--system", "TEXT", "system message");
    arguments.flag(&is_raw_, "--raw", "the prompt as it is, without the model's chat template");
    arguments.number(&max_tokens_, "--max-tokens", "N", "longest answer");
    arguments.option(&temperature_, "--temperature", "X", "0 always takes the likeliest token");
    arguments.number(&seed_, "--seed", "N", "the same seed gives the same answer");
    declare_engine_flags(arguments, &settings_);
  }

  Result<int> run(Context& context) override {
    if (is_raw_ && !system_.empty()) {
      return Error(Code::kInvalidArgument,
                   "--raw sends no system message: leave --system out, or write its text into the prompt");
    }
    if (words_.empty() && ::isatty(STDIN_FILENO) == 1 && !context.output.is_json()) {
      if (is_raw_) {
        return Error(Code::kInvalidArgument,
                     "--raw needs a prompt, as words or through a pipe: a conversation needs the chat template");
      }
      if (!temperature_.empty() || max_tokens_ > 0 || seed_ >= 0) {
        return Error(
            Code::kInvalidArgument,
            "without a prompt this is a conversation: set the temperature and the like in it, by /set parameter");
      }
      return talk(context, model_, system_);
    }
    STUDIO_TRY(auto prompt, whole_prompt());
    STUDIO_TRY(auto session, ServerSession::open(context, model_));
    STUDIO_TRY(auto body, request(session->model(), prompt));
    InterruptGuard interrupt;
    bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
    AnswerPrinter printer(context.output, is_terminal, is_terminal);
    auto start = std::chrono::steady_clock::now();
    const auto print = [&](const ChatDelta& delta) {
      if (!context.output.is_json()) printer.print(delta);
    };
    auto answer = is_raw_ ? session->client().complete(body, print, InterruptGuard::flag())
                          : session->client().chat(body, print, InterruptGuard::flag());
    if (!context.output.is_json()) printer.finish();
    if (!answer.ok()) return answer.error();
    if (answer->was_stopped) return exit_code_of(Code::kCancelled);
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    if (context.output.is_json()) {
      context.output.print_json(boost::json::object{{"model", session->model()},
                                                    {"content", answer->content},
                                                    {"finish_reason", answer->finish_reason},
                                                    {"prompt_tokens", answer->prompt_tokens},
                                                    {"completion_tokens", answer->completion_tokens},
                                                    {"total_ms", took.count()}});
    }
    return 0;
  }

 private:
  Result<std::string> whole_prompt() const {
    std::string prompt;
    for (const std::string& word : words_) prompt += (prompt.empty() ? "" : " ") + word;
    if (::isatty(STDIN_FILENO) != 1) {
      STUDIO_TRY(auto piped, read_pipe());
      if (!piped.empty()) prompt += (prompt.empty() ? "" : "\n\n") + piped;
    }
    if (prompt.empty()) return Error(Code::kInvalidArgument, "run needs a prompt, as words or through a pipe");
    return prompt;
  }

  Result<boost::json::object> request(const std::string& model, const std::string& prompt) const {
    boost::json::object body{{"model", model}};
    if (is_raw_) {
      body["prompt"] = prompt;
    } else {
      boost::json::array messages;
      if (!system_.empty()) messages.push_back({{"role", "system"}, {"content", system_}});
      messages.push_back({{"role", "user"}, {"content", prompt}});
      body["messages"] = std::move(messages);
    }
    if (max_tokens_ > 0) body["max_tokens"] = max_tokens_;
    if (seed_ >= 0) body["seed"] = seed_;
    if (!temperature_.empty()) {
      auto number = parse_json(temperature_);
      if (!number.ok() || !number->is_number()) {
        return Error(Code::kInvalidArgument, "--temperature: '" + temperature_ + "' is not a number");
      }
      body["temperature"] = *number;
    }
    return body;
  }

  Arguments::Settings settings_;
  std::string model_, system_, temperature_;
  std::vector<std::string> words_;
  int64_t max_tokens_ = 0, seed_ = -1;
  bool is_raw_ = false;
};

}  // namespace

std::unique_ptr<Command> make_run_command() {
  return std::make_unique<RunCommand>();
}

}  // namespace studio::cli
