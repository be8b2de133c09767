#include "cli/conversation.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <utility>

#include "base/json.h"
#include "base/nearest_name.h"
#include "cli/answer_printer.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/server_session.h"

namespace studio::cli {
namespace {

constexpr const char* kHelp =
    "  /bye                       leave (also /exit, Ctrl-D)\n"
    "  /clear                     forget the conversation\n"
    "  /load NAME                 change the model (also /model); the conversation stays\n"
    "  /set system TEXT           set the system message, and start anew (also /system)\n"
    "  /set parameter NAME VALUE  temperature, top_p, top_k, min_p, seed, max_tokens, stop, ...; without VALUE: back "
    "to its default\n"
    "  /set think, /set nothink   reason before answering, or not\n"
    "  /show [WHAT]               model, system or parameters; without WHAT all of them\n"
    "  /?                         this list (also /help)\n"
    "Ctrl-C stops the answer. A line ending in \\ goes on; \"\"\" begins and ends a text of several lines.";

// What /set parameter takes, with other programs' names for the same.
constexpr std::pair<std::string_view, std::string_view> kParameters[] = {{"temperature", "temperature"},
                                                                         {"top_p", "top_p"},
                                                                         {"top_k", "top_k"},
                                                                         {"min_p", "min_p"},
                                                                         {"seed", "seed"},
                                                                         {"max_tokens", "max_tokens"},
                                                                         {"num_predict", "max_tokens"},
                                                                         {"repetition_penalty", "repetition_penalty"},
                                                                         {"repeat_penalty", "repetition_penalty"},
                                                                         {"presence_penalty", "presence_penalty"},
                                                                         {"frequency_penalty", "frequency_penalty"},
                                                                         {"stop", "stop"}};
constexpr std::string_view kTextFence = "\"\"\"";
constexpr size_t kMaxTextBytes = 16 << 20;  // of a text of several lines; no model here takes more

// "parameter top_k 5" -> {"parameter", "top_k 5"}
std::pair<std::string, std::string> first_word(const std::string& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const size_t rest = std::min(text.find_first_not_of(' ', end), text.size());
  return {text.substr(0, end), text.substr(rest)};
}

class Conversation {
 public:
  Conversation(Context& context, std::unique_ptr<ServerSession> session, std::string system)
      : context_(context), session_(std::move(session)), system_(std::move(system)) {}

  const std::string& model() const { return session_->model(); }
  bool is_private() const { return session_->is_private(); }

  // False: leave.
  bool take(const std::string& line) {
    if (line.find_first_not_of(" \t\n") == std::string::npos) return true;
    if (line[0] == '/') return command(line);
    answer(line);
    return true;
  }
  void answer(const std::string& question);

 private:
  bool command(const std::string& line);
  void set(const std::string& what);
  void set_parameter(const std::string& name, const std::string& value);
  void set_system(const std::string& text);
  void show(const std::string& what);
  void change_model(const std::string& name);
  void tell(const std::string& text) { context_.output.print(context_.output.dim(text)); }

  Context& context_;
  std::unique_ptr<ServerSession> session_;
  std::string system_;
  boost::json::object parameters_;
  boost::json::array turns_;
};

bool Conversation::command(const std::string& line) {
  static const std::vector<std::string> kCommands = {"/bye", "/exit", "/quit",   "/clear", "/load", "/model",
                                                     "/set", "/show", "/system", "/help",  "/?"};
  auto [word, rest] = first_word(line);
  if (word == "/bye" || word == "/exit" || word == "/quit") return false;
  if (word == "/help" || word == "/?") {
    context_.output.print(kHelp);
  } else if (word == "/clear") {
    turns_.clear();
    tell("The conversation is forgotten.");
  } else if (word == "/load" || word == "/model") {
    rest.empty() ? context_.output.print(model()) : change_model(rest);
  } else if (word == "/system") {
    rest.empty() ? show("system") : set_system(rest);
  } else if (word == "/set") {
    set(rest);
  } else if (word == "/show") {
    show(rest);
  } else {
    context_.output.print("There is no " + word + did_you_mean(word, kCommands) + " (/? lists the commands)");
  }
  return true;
}

void Conversation::set(const std::string& what) {
  auto [word, rest] = first_word(what);
  if (word == "system" && !rest.empty()) return set_system(rest);
  if (word == "parameter" && !rest.empty()) {
    auto [name, value] = first_word(rest);
    return set_parameter(name, value);
  }
  if (word == "think" || word == "nothink") {
    parameters_["enable_thinking"] = word == "think";
    return tell(word == "think" ? "The model reasons before it answers." : "The model answers at once.");
  }
  context_.output.print("/set takes: system TEXT, parameter NAME VALUE, think, nothink");
}

void Conversation::set_parameter(const std::string& name, const std::string& value) {
  std::vector<std::string> known;
  std::string field;
  for (auto [word, meaning] : kParameters) {
    known.emplace_back(word);
    if (word == name) field = meaning;
  }
  if (field.empty()) {
    return context_.output.print("There is no parameter " + name + did_you_mean(name, known));
  }
  if (value.empty()) {
    parameters_.erase(field);
    return tell(field + " is back at its default.");
  }
  auto number = parse_json(value);
  if (field == "stop") {
    parameters_[field] = value;
  } else if (number.ok() && number->is_number()) {
    parameters_[field] = *number;  // whether it lies in its range is the server's to say
  } else {
    return context_.output.print(name + " takes a number, not '" + value + "'");
  }
  tell(field + " is " + value + ".");
}

void Conversation::set_system(const std::string& text) {
  system_ = text;
  turns_.clear();
  tell("The system message is set; the conversation starts anew.");
}

void Conversation::show(const std::string& what) {
  Output& output = context_.output;
  static const std::vector<std::string> kThings = {"model", "system", "parameters"};
  const bool is_all = what.empty() || what == "info";
  if (!is_all && std::find(kThings.begin(), kThings.end(), what) == kThings.end()) {
    return output.print("/show takes: model, system, parameters" + did_you_mean(what, kThings));
  }
  if (is_all || what == "model") {
    output.print(model() + output.dim(is_private() ? ", in this process" : ", on the running server"));
  }
  if (is_all || what == "system") output.print(system_.empty() ? output.dim("No system message is set.") : system_);
  if (is_all || what == "parameters") {
    for (const auto& parameter : parameters_) {
      output.print(std::string(parameter.key()) + " " + to_json(parameter.value()));
    }
    if (parameters_.empty()) tell("Every parameter has its default.");
  }
}

void Conversation::change_model(const std::string& name) {
  auto session = ServerSession::open(context_, name);
  if (!session.ok()) return context_.output.error(session.error());
  session_ = std::move(*session);
  tell("Now talking to " + model() + ".");
}

void Conversation::answer(const std::string& question) {
  boost::json::array messages;
  if (!system_.empty()) messages.push_back({{"role", "system"}, {"content", system_}});
  messages.insert(messages.end(), turns_.begin(), turns_.end());
  boost::json::object turn{{"role", "user"}, {"content", question}};
  messages.push_back(turn);
  boost::json::object body = parameters_;
  body["model"] = model();
  body["messages"] = std::move(messages);

  InterruptGuard::clear();
  bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  AnswerPrinter printer(context_.output, is_terminal, is_terminal);
  auto start = std::chrono::steady_clock::now();
  auto answer =
      session_->client().chat(body, [&](const ChatDelta& delta) { printer.print(delta); }, InterruptGuard::flag());
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

// Lines into what was meant: one line, several joined by '\' at their ends, or a text between fences.
class TextReader {
 public:
  struct Taken {
    bool is_end = false;
    bool is_literal = false;  // from between fences: never a command
    std::string text;
  };

  explicit TextReader(LineReader& lines) : lines_(lines) {}

  Taken next() {
    Taken taken;
    for (std::string line;;) {
      const bool is_first = taken.text.empty() && !taken.is_literal;
      LineReader::Outcome outcome = lines_.read(is_first ? "> " : ". ", line);
      if (outcome == LineReader::Outcome::kInterrupted) {
        taken = {};
        continue;
      }
      taken.is_end = outcome == LineReader::Outcome::kEnd;
      if (taken.is_end) return taken;
      if (is_first && line.starts_with(kTextFence)) {
        taken.is_literal = true;
        line.erase(0, kTextFence.size());
      }
      if (take(taken, std::move(line))) return taken;
    }
  }

 private:
  // Whether the text is whole.
  static bool take(Taken& taken, std::string line) {
    if (taken.is_literal) {
      const bool is_closed = line.ends_with(kTextFence);
      if (is_closed) line.erase(line.size() - kTextFence.size());
      taken.text += line + (is_closed ? "" : "\n");
      return is_closed || taken.text.size() > kMaxTextBytes;
    }
    taken.text += line;
    if (!taken.text.ends_with('\\')) return true;
    taken.text.back() = '\n';
    return false;
  }

  LineReader& lines_;
};

}  // namespace

Result<int> talk(Context& context, const std::string& model, const std::string& system) {
  std::error_code ignored;  // without the folder the lines are not kept, that is all
  std::filesystem::create_directories(context.data_dir(), ignored);
  LineReader lines(context.data_dir() + "/chat_history");  // before any thread: it sets the locale
  STUDIO_TRY(auto session, ServerSession::open(context, model));
  Conversation conversation(context, std::move(session), system);
  bool is_terminal = ::isatty(STDIN_FILENO) == 1;
  if (is_terminal) {
    context.output.note(
        context.output.bold(conversation.model()) +
        context.output.dim(conversation.is_private() ? ", in this process" : ", on the running server") +
        context.output.dim(". /? lists the commands, Ctrl-D leaves."));
  }
  InterruptGuard interrupt;
  TextReader reader(lines);
  while (true) {
    TextReader::Taken taken = reader.next();
    // What a pipe ends with is meant, though its fence was not closed.
    if (taken.is_end && taken.text.empty()) break;
    if (taken.is_literal) {
      conversation.answer(taken.text);
    } else if (!conversation.take(taken.text)) {
      return 0;
    }
    if (taken.is_end) break;
  }
  if (is_terminal) context.output.print("");
  return 0;
}

}  // namespace studio::cli
