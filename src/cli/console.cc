// studio console: a new one-time link to the console of the running server.
#include <boost/json.hpp>

#include "cli/command.h"
#include "cli/keys.h"
#include "cli/server_session.h"
#include "cli/settings.h"

namespace studio::cli {
namespace {

class ConsoleCommand final : public Command {
 public:
  std::string name() const override { return "console"; }
  std::string summary() const override { return "Print a link that logs a browser in to the running server, once"; }
  std::string example() const override { return "  studio console"; }
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    std::string url = running_server(context);
    if (url.empty()) {
      return Error(Code::kUnavailable, "no server runs on " + context.data_dir() + "; `studio serve` starts one");
    }
    STUDIO_TRY(auto key, local_key(context.data_dir(), expand_home(context.config.text("serve.key_file"))));
    STUDIO_TRY(auto link, ApiClient(url, key).console_link());
    if (context.output.is_json()) {
      context.output.print_json(boost::json::object{{"console", link}});
    } else {
      context.output.print(link);
    }
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_console_command() {
  return std::make_unique<ConsoleCommand>();
}

}  // namespace studio::cli
