// studio chat: a conversation in the terminal. Ctrl-C stops the answer, not the program.
#include "cli/conversation.h"
#include "cli/engine_settings.h"

namespace studio::cli {
namespace {

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

  Result<int> run(Context& context) override { return talk(context, model_, system_); }

 private:
  Arguments::Settings settings_;
  std::string model_, system_;
};

}  // namespace

std::unique_ptr<Command> make_chat_command() {
  return std::make_unique<ChatCommand>();
}

}  // namespace studio::cli
