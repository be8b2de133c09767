// studio stop: ends the server of this data folder in good order.
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>

#include "cli/server_session.h"

namespace studio::cli {
namespace {

// The server's own drain, the workers' grace and the last records come before its end.
constexpr std::chrono::seconds kBesideDrain{15};

class StopCommand final : public Command {
 public:
  std::string name() const override { return "stop"; }
  std::string summary() const override { return "End the running server; open answers may finish"; }
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    auto server = find_running_server(context);
    if (!server.ok()) return std::move(server).error();
    // By a handle, so that a process that takes the number meanwhile is spared.
    const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, server->pid, 0));
    if (handle < 0 || ::syscall(SYS_pidfd_send_signal, handle, SIGTERM, nullptr, 0) != 0) {
      if (handle >= 0) ::close(handle);
      return Error(Code::kPermissionDenied, "process " + std::to_string(server->pid) + " may not be told to stop");
    }
    context.output.note(context.output.dim("stopping " + server->url + " ..."));
    const std::chrono::milliseconds patience =
        std::chrono::seconds(context.config.number("serve.drain_seconds")) + kBesideDrain;
    pollfd ended{handle, POLLIN, 0};
    const int count = ::poll(&ended, 1, static_cast<int>(patience.count()));
    ::close(handle);
    if (count != 1) return Error(Code::kDeadlineExceeded, "the server was told to stop and has not ended yet");
    if (context.output.is_json()) {
      context.output.print_json(boost::json::object{{"stopped", server->url}});
    } else {
      context.output.print("Stopped " + server->url + ".");
    }
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_stop_command() {
  return std::make_unique<StopCommand>();
}

}  // namespace studio::cli
