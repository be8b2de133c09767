#include "cli/program.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/version.h"
#include "cli/command.h"
#include "cli/settings.h"

namespace studio::cli {
namespace {

using Commands = std::vector<std::unique_ptr<Command>>;

// In the order of `studio --help`.
Commands all_commands() {
  Commands commands;
  commands.push_back(make_serve_command());
  commands.push_back(make_console_command());
  commands.push_back(make_key_list_command());
  commands.push_back(make_key_add_command());
  commands.push_back(make_key_revoke_command());
  commands.push_back(make_chat_command());
  commands.push_back(make_run_command());
  commands.push_back(make_pull_command());
  commands.push_back(make_import_command());
  commands.push_back(make_adapter_add_command());
  commands.push_back(make_adapter_list_command());
  commands.push_back(make_adapter_rm_command());
  commands.push_back(make_list_command());
  commands.push_back(make_show_command());
  commands.push_back(make_rm_command());
  commands.push_back(make_ps_command());
  commands.push_back(make_stop_command());
  commands.push_back(make_bench_command());
  commands.push_back(make_doctor_command());
  commands.push_back(make_config_show_command());
  commands.push_back(make_conform_command());
  commands.push_back(make_fields_command());
  commands.push_back(make_version_command());
  commands.push_back(make_worker_command());
  commands.push_back(make_keep_panels_command());
  return commands;
}

struct SharedFlags {
  bool is_json = false, is_quiet = false, no_color = false;
  std::string config_file;
  Arguments::Settings settings;
};

OutputStyle style_of(const SharedFlags& flags) {
  const char* no_color = std::getenv("NO_COLOR");
  bool is_wanted = !flags.no_color && !(no_color && *no_color) && !flags.is_json;
  return {flags.is_json, flags.is_quiet, is_wanted && ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1};
}

Result<Config> load_settings(const SharedFlags& flags, const Command& command) {
  ConfigSources sources{.files = default_config_files(), .env = settings_environment(), .flags = flags.settings};
  const char* named = std::getenv("STUDIO_CONFIG");
  std::string file = !flags.config_file.empty() ? flags.config_file : (named ? named : "");
  if (!file.empty()) {
    if (::access(file.c_str(), R_OK) != 0) return Error(Code::kInvalidArgument, file + ": cannot be read");
    sources.files = {file};
  }
  for (auto& setting : command.settings()) sources.flags.push_back(std::move(setting));
  return Config::load(all_settings(), sources);
}

int run_command(Command& command, const SharedFlags& flags, Output& output) {
  auto config = command.needs_settings() ? load_settings(flags, command) : Config::load(all_settings(), {});
  if (!config.ok()) {
    output.error(config.error());
    return exit_code_of(config.error().code());
  }
  Context context{std::move(*config), output};
  auto code = command.run(context);
  if (code.ok()) return *code;
  output.error(code.error());
  return exit_code_of(code.error().code());
}

}  // namespace

std::string Context::data_dir() const {
  return expand_home(config.text("data"));
}
std::string Context::cache_dir() const {
  return expand_home(config.text("cache"));
}

Result<catalogue::Catalogue> Context::catalogue() const {
  return catalogue::Catalogue::load(data_dir() + "/catalogue.json");
}

catalogue::PullSettings Context::pull_settings() const {
  catalogue::PullSettings settings;
  settings.hubs.modelscope = config.text("hub.modelscope");
  settings.hubs.huggingface = config.text("hub.huggingface");
  settings.hubs.patience = std::chrono::milliseconds(config.number("hub.patience_ms"));
  if (const char* token = std::getenv("HF_TOKEN")) settings.hubs.huggingface_token = token;
  settings.cache_dir = cache_dir();
  return settings;
}

int run_program(const std::vector<std::string>& words) {
  ::signal(SIGPIPE, SIG_IGN);
  Commands commands = all_commands();
  SharedFlags flags;
  std::vector<CommandShape> shapes;
  for (auto& command : commands) {
    shapes.push_back({command->name(), command->summary(), command->example(),
                      [&command](Arguments& arguments) { command->declare(arguments); }, command->is_hidden()});
  }
  auto declare_shared = [&](Arguments& arguments) {
    arguments.flag(&flags.is_json, "--json", "answers and errors as JSON");
    arguments.flag(&flags.is_quiet, "--quiet,-q", "no notes, no progress");
    arguments.flag(&flags.no_color, "--no-color", "plain text (also NO_COLOR)");
    arguments.option(&flags.config_file, "--config", "FILE", "settings from this file alone (also STUDIO_CONFIG)");
    arguments.setting(&flags.settings, "data", "--data", "DIR", "folder of keys, usage and models");
  };
  ParsedCommand parsed = parse_command_line(words, shapes, declare_shared, std::string("studio ") + kVersion);
  if (parsed.command.empty()) {
    if (parsed.exit_code == 0 || words.empty()) {
      std::fputs(parsed.text.c_str(), parsed.exit_code == 0 ? stdout : stderr);
      return parsed.exit_code;
    }
    flags.is_json = std::find(words.begin(), words.end(), "--json") != words.end();
    Output(style_of(flags)).error(Error(Code::kInvalidArgument, parsed.text));
    return parsed.exit_code;
  }
  Output output(style_of(flags));
  for (auto& command : commands) {
    if (command->name() == parsed.command) return run_command(*command, flags, output);
  }
  return 1;
}

}  // namespace studio::cli
