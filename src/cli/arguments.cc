#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <map>
#include <sstream>

#include "base/nearest_name.h"

namespace studio::cli {
namespace {

constexpr int kUsage = 2;

constexpr const char* kFirstScreen =
    "Serve Qwen models on your own machine, over the OpenAI API.\n\n"
    "  studio serve                              start a server; prints its address, a key and a curl line\n"
    "  studio chat                               talk to a model in the terminal\n"
    "  studio run tiny \"Once upon a time\"         one answer, on standard output";

// "--thread" is not a flag of `pull`: the nearest one that is.
std::string suggestion_for(const std::vector<std::string>& extras, const CLI::App& app) {
  std::vector<std::string> known;
  for (const CLI::App* level = &app; level; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
  }
  for (const std::string& extra : extras) {
    if (extra.starts_with("--")) return did_you_mean(extra.substr(0, extra.find('=')), known);
  }
  return {};
}

// The command of a mistyped first word.
std::string unknown_command(const std::vector<std::string>& words, const std::vector<CommandShape>& shapes) {
  if (words.empty() || words[0].starts_with("-")) return {};
  std::vector<std::string> known;
  for (const CommandShape& shape : shapes) {
    std::string first = shape.name.substr(0, shape.name.find(' '));
    if (first == words[0]) return {};
    if (!shape.is_hidden) known.push_back(first);
  }
  return "unknown command '" + words[0] + "'" + did_you_mean(words[0], known) + "\nstudio --help lists the commands";
}

// Of `studio config`: the commands that may follow.
std::string missing_command(const CLI::App& app) {
  std::string names;
  if (app.get_require_subcommand_min() == 0) return names;
  for (const CLI::App* command : app.get_subcommands({})) names += (names.empty() ? ": " : ", ") + command->get_name();
  return names;
}

class Tree {
 public:
  Tree() : root_(kFirstScreen, "studio") {
    root_.require_subcommand(1);
    root_.get_formatter()->column_width(34);
  }

  CLI::App* add(const CommandShape& shape) {
    CLI::App* parent = &root_;
    std::string name = shape.name;
    if (size_t space = name.find(' '); space != std::string::npos) {
      std::string group = name.substr(0, space);
      if (!groups_.count(group)) {
        groups_[group] = root_.add_subcommand(group, group == "key" ? "Keys that open the API" : "Settings");
        groups_[group]->require_subcommand(1)->fallthrough();
      }
      parent = groups_[group];
      name = name.substr(space + 1);
    }
    CLI::App* command = parent->add_subcommand(name, shape.summary);
    command->fallthrough();
    if (!shape.example.empty()) command->footer("Example:\n" + shape.example);
    if (shape.is_hidden) command->group("");
    Arguments arguments(*command);
    shape.declare(arguments);
    return command;
  }

  CLI::App& root() { return root_; }

 private:
  CLI::App root_;
  std::map<std::string, CLI::App*> groups_;
};

}  // namespace

void Arguments::positional(std::string* target, const std::string& name, const std::string& help, bool is_required) {
  app_.add_option(name, *target, help)->required(is_required)->type_name("");
}

void Arguments::positionals(std::vector<std::string>* target, const std::string& name, const std::string& help) {
  app_.add_option(name, *target, help)->type_name("");
}

void Arguments::option(std::string* target, const std::string& flag, const std::string& value,
                       const std::string& help) {
  app_.add_option(flag, *target, help)->type_name(value);
}

void Arguments::number(int64_t* target, const std::string& flag, const std::string& value, const std::string& help) {
  app_.add_option(flag, *target, help)->type_name(value);
}

void Arguments::repeated(std::vector<std::string>* target, const std::string& flag, const std::string& value,
                         const std::string& help) {
  app_.add_option(flag, *target, help)->type_name(value)->allow_extra_args(false);
}

void Arguments::flag(bool* target, const std::string& flag, const std::string& help) {
  app_.add_flag(flag, *target, help);
}

void Arguments::setting(Settings* settings, const std::string& name, const std::string& flag, const std::string& value,
                        const std::string& help) {
  app_.add_option_function<std::string>(
          flag, [settings, name](const std::string& text) { settings->emplace_back(name, text); }, help)
      ->type_name(value);
}

ParsedCommand parse_command_line(const std::vector<std::string>& words, const std::vector<CommandShape>& shapes,
                                 const std::function<void(Arguments&)>& shared, const std::string& version) {
  std::string unknown = unknown_command(words, shapes);
  if (!unknown.empty()) return {kUsage, unknown, {}};

  Tree tree;
  Arguments shared_arguments(tree.root());
  shared(shared_arguments);
  tree.root().set_version_flag("--version", version);
  std::map<const CLI::App*, std::string> names;
  for (const CommandShape& shape : shapes) names[tree.add(shape)] = shape.name;

  std::vector<std::string> reversed(words.rbegin(), words.rend());  // CLI11 takes them from the back
  auto deepest = [&] {
    const CLI::App* app = &tree.root();
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return app;
  };
  try {
    tree.root().parse(reversed);
  } catch (const CLI::Success& asked) {  // --help, --version
    std::ostringstream text, ignored;
    tree.root().exit(asked, text, ignored);
    return {0, text.str(), {}};
  } catch (const CLI::ExtrasError&) {
    std::vector<std::string> extras = tree.root().remaining(true);
    std::string first = extras.empty() ? "?" : extras.front();
    return {kUsage, "unknown argument '" + first + "'" + suggestion_for(extras, *deepest()), {}};
  } catch (const CLI::ParseError& error) {
    if (words.empty()) return {kUsage, tree.root().help(), {}};
    return {kUsage, error.what() + missing_command(*deepest()), {}};
  }
  return {0, {}, names[deepest()]};
}

}  // namespace studio::cli
