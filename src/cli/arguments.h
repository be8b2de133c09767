// The flags and words of one command: a thin face of CLI11, whose header is included by arguments.cc alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace studio::cli {

class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}

  // Targets keep their value when the flag is not given; they must outlive the parse.
  void positional(std::string* target, const std::string& name, const std::string& help, bool is_required);
  void positionals(std::vector<std::string>* target, const std::string& name, const std::string& help);
  void option(std::string* target, const std::string& flag, const std::string& value, const std::string& help);
  void number(int64_t* target, const std::string& flag, const std::string& value, const std::string& help);
  void repeated(std::vector<std::string>* target, const std::string& flag, const std::string& value,
                const std::string& help);
  void flag(bool* target, const std::string& flag, const std::string& help);

  // A flag that sets a setting (settings.h): collected into `settings` when given, checked with the other sources.
  using Settings = std::vector<std::pair<std::string, std::string>>;
  void setting(Settings* settings, const std::string& name, const std::string& flag, const std::string& value,
               const std::string& help);

 private:
  CLI::App& app_;
};

struct ParsedCommand {
  int exit_code = 0;    // with text: print and end with this
  std::string text;     // help or version text, or what is wrong with the command line
  std::string command;  // otherwise: "pull", "config show"
};

struct CommandShape {
  std::string name, summary, example;
  std::function<void(Arguments&)> declare;
  bool is_hidden = false;
};

// Parses argv into the targets the shapes declare. `shared` flags are taken before or after any command's name.
ParsedCommand parse_command_line(const std::vector<std::string>& words, const std::vector<CommandShape>& shapes,
                                 const std::function<void(Arguments&)>& shared, const std::string& version);

}  // namespace studio::cli
