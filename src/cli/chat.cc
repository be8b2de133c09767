// studio chat: a conversation in the terminal. Ctrl-C stops the answer, not the program.
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>

#include "base/nearest_name.h"
#include "cli/answer_printer.h"
#include "cli/engine_settings.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/server_session.h"

namespace studio::cli {
namespace {

constexpr const char* kHelp =
    "  /exit            leave (also Ctrl-D)\n"
    "  /clear           forget the conversation\n"
    "  /model [NAME]    show or change the model; the conversation stays\n"
    "  /system [TEXT]   show or set the system message, and start anew\n"
    "  /help            this list\n"
    "Ctrl-C stops the answer. A line ending in \\ goes on.";

class Conversation {
 public:
  Conversation(Context& context, std::unique_ptr<ServerSession> session, std::string system)
      : context_(context), session_(std::move(session)), system_(std::move(system)) {}

  const std::string& model() const { return session_->model(); }
  bool is_private() const { return session_->is_private(); }

  // False: leave.
  bool take(const std::string& line);

 private:
  void answer(const std::string& question);
  bool command(const std::string& word, const std::string& rest);
  void change_model(const std::string& name);

  Context& context_;
  std::unique_ptr<ServerSession> session_;
  std::string system_;
  boost::json::array turns_;
};

bool Conversation::take(const std::string& line) {
  if (line.find_first_not_of(" \t") == std::string::npos) return true;
  if (line[0] != '/') {
    answer(line);
    return true;
  }
  size_t space = line.find(' ');
  std::string rest =
      space == std::string::npos ? "" : line.substr(line.find_last_not_of(' ') < space ? space : space + 1);
  return command(line.substr(0, space), rest);
}

bool Conversation::command(const std::string& word, const std::string& rest) {
  Output& output = context_.output;
  static const std::vector<std::string> kCommands = {"/exit", "/quit", "/clear", "/model", "/system", "/help"};
  if (word == "/exit" || word == "/quit") return false;
  if (word == "/help") {
    output.print(kHelp);
  } else if (word == "/clear") {
    turns_.clear();
    output.print(output.dim("The conversation is forgotten."));
  } else if (word == "/model") {
    rest.empty() ? output.print(model()) : change_model(rest);
  } else if (word == "/system") {
    if (rest.empty()) {
      output.print(system_.empty() ? output.dim("No system message is set.") : system_);
    } else {
      system_ = rest;
      turns_.clear();
      output.print(output.dim("The system message is set; the conversation starts anew."));
    }
  } else {
    output.print("There is no " + word + did_you_mean(word, kCommands) + " (/help lists the commands)");
  }
  return true;
}

void Conversation::change_model(const std::string& name) {
  auto session = ServerSession::open(context_, name);
  if (!session.ok()) return context_.output.error(session.error());
  session_ = std::move(*session);
  context_.output.print(context_.output.dim("Now talking to " + model() + "."));
}

void Conversation::answer(const std::string& question) {
  boost::json::array messages;
  if (!system_.empty()) messages.push_back({{"role", "system"}, {"content", system_}});
  messages.insert(messages.end(), turns_.begin(), turns_.end());
  boost::json::object turn{{"role", "user"}, {"content", question}};
  messages.push_back(turn);

  InterruptGuard::clear();
  bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  AnswerPrinter printer(context_.output, is_terminal, is_terminal);
  auto start = std::chrono::steady_clock::now();
  auto answer = session_->client().chat(
      {{"model", model()}, {"messages", messages}}, [&](const ChatDelta& delta) { printer.print(delta); },
      InterruptGuard::flag());
  printer.finish();
  if (!answer.ok()) return context_.output.error(answer.error());  // the question is dropped, the conversation stays
  // A stopped answer is part of the conversation as far as it got, so that "go on" makes sense.
  if (!answer->content.empty()) {
    turns_.push_back(turn);
    turns_.push_back({{"role", "assistant"}, {"content", answer->content}});
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::string tail = answer->was_stopped ? "stopped" : "";
  if (answer->completion_tokens > 0) {
    char text[64];
    std::snprintf(text, sizeof text, "%lld tokens in %.1f s", static_cast<long long>(answer->completion_tokens),
                  seconds);
    tail += (tail.empty() ? "" : ", ") + std::string(text);
  }
  if (answer->finish_reason == "length") tail += ", cut at the length limit";
  if (!tail.empty()) context_.output.note(context_.output.dim("[" + tail + "]"));
}

class ChatCommand final : public Command {
 public:
  std::string name() const override { return "chat"; }
  std::string summary() const override { return "Talk to a model in the terminal"; }
  std::string example() const override {
    return "  studio chat\n"
           "  studio chat qwen2.5-coder-1.5b-instruct --system \"Answer in one sentence.\"";
  }
  Arguments::Settings settings() const override { return settings_; }

  void declare(Arguments& arguments) override {
    arguments.positional(&model_, "MODEL", "name, file or folder; the default model without one", false);
    arguments.option(&system_, "--system", "TEXT", "system message");
    declare_engine_flags(arguments, &settings_);
  }

  Result<int> run(Context& context) override {
    std::error_code ignored;  // without the folder the lines are not kept, that is all
    std::filesystem::create_directories(context.data_dir(), ignored);
    LineReader reader(context.data_dir() + "/chat_history");  // before any thread: it sets the locale
    STUDIO_TRY(auto session, ServerSession::open(context, model_));
    Conversation conversation(context, std::move(session), system_);
    bool is_terminal = ::isatty(STDIN_FILENO) == 1;
    if (is_terminal) {
      context.output.note(
          context.output.bold(conversation.model()) +
          context.output.dim(conversation.is_private() ? ", in this process" : ", on the running server") +
          context.output.dim(". /help lists the commands, Ctrl-D leaves."));
    }
    InterruptGuard interrupt;
    for (std::string text, line;;) {
      LineReader::Outcome outcome = reader.read(text.empty() ? "> " : ". ", line);
      if (outcome == LineReader::Outcome::kEnd) break;
      if (outcome == LineReader::Outcome::kInterrupted) {
        text.clear();
        continue;
      }
      text += line;
      if (text.ends_with('\\')) {
        text.back() = '\n';
        continue;
      }
      if (!conversation.take(text)) return 0;
      text.clear();
    }
    if (is_terminal) context.output.print("");
    return 0;
  }

 private:
  Arguments::Settings settings_;
  std::string model_, system_;
};

}  // namespace

std::unique_ptr<Command> make_chat_command() {
  return std::make_unique<ChatCommand>();
}

}  // namespace studio::cli
