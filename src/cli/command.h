// What a command is, and what it is given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "catalogue/catalogue.h"
#include "catalogue/library.h"
#include "catalogue/pull.h"
#include "cli/arguments.h"
#include "cli/output.h"

namespace studio::cli {

// The program's settings and paths, ready to use.
struct Context {
  Config config;
  Output& output;

  std::string data_dir() const;
  std::string cache_dir() const;
  catalogue::Library library() const { return catalogue::Library(data_dir()); }
  Result<catalogue::Catalogue> catalogue() const;  // the built-in one with DATA/catalogue.json
  catalogue::PullSettings pull_settings() const;
};

class Command {
 public:
  virtual ~Command() = default;
  virtual std::string name() const = 0;  // "pull", "config show"
  virtual std::string summary() const = 0;
  virtual std::string example() const { return ""; }
  virtual bool is_hidden() const { return false; }
  virtual void declare(Arguments& arguments) = 0;
  // Flags that set settings; collected while parsing, checked before run().
  virtual Arguments::Settings settings() const { return {}; }
  // False: run without reading settings (they may be what is broken).
  virtual bool needs_settings() const { return true; }
  // The exit code, or an Error that becomes one.
  virtual Result<int> run(Context& context) = 0;
};

// One factory per command, each in the file of that name; program.cc lists them.
std::unique_ptr<Command> make_serve_command();
std::unique_ptr<Command> make_console_command();
std::unique_ptr<Command> make_key_list_command();
std::unique_ptr<Command> make_key_add_command();
std::unique_ptr<Command> make_key_revoke_command();
std::unique_ptr<Command> make_adapter_add_command();
std::unique_ptr<Command> make_adapter_list_command();
std::unique_ptr<Command> make_adapter_rm_command();
std::unique_ptr<Command> make_worker_command();
std::unique_ptr<Command> make_keep_panels_command();
std::unique_ptr<Command> make_chat_command();
std::unique_ptr<Command> make_run_command();
std::unique_ptr<Command> make_pull_command();
std::unique_ptr<Command> make_import_command();
std::unique_ptr<Command> make_list_command();
std::unique_ptr<Command> make_show_command();
std::unique_ptr<Command> make_rm_command();
std::unique_ptr<Command> make_ps_command();
std::unique_ptr<Command> make_stop_command();
std::unique_ptr<Command> make_bench_command();
std::unique_ptr<Command> make_doctor_command();
std::unique_ptr<Command> make_conform_command();
std::unique_ptr<Command> make_fields_command();
std::unique_ptr<Command> make_version_command();
std::unique_ptr<Command> make_config_show_command();

}  // namespace studio::cli
