// studio key list, add, revoke: the keys that programs call the API with.
#include <boost/json.hpp>

#include "cli/command.h"
#include "cli/key_desk.h"
#include "keys/key_json.h"

namespace studio::cli {
namespace {

std::string hint_of(const keys::KeyInfo& info) {
  return info.prefix + "…" + info.suffix;
}

std::string title_of(const keys::KeyInfo& info) {
  return info.kind == keys::Kind::kMade ? info.name : info.name + " (the server's own)";
}

class KeyListCommand final : public Command {
 public:
  std::string name() const override { return "key list"; }
  std::string summary() const override { return "The keys that open the API"; }
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    STUDIO_TRY(auto desk, KeyDesk::open(context));
    STUDIO_TRY(auto keys, desk->list());
    if (context.output.is_json()) {
      boost::json::array list;
      for (const keys::KeyInfo& info : keys) list.push_back(keys::json_of(info));
      context.output.print_json(boost::json::object{{"keys", list}});
      return 0;
    }
    if (keys.empty()) {
      context.output.note(
          "There is no key yet. `studio key add NAME` makes one, and so does `studio serve` for itself.");
      return 0;
    }
    Output& output = context.output;
    std::vector<std::vector<std::string>> rows = {
        {output.dim("NAME"), output.dim("KEY"), output.dim("MADE"), output.dim("ID")}};
    for (const keys::KeyInfo& info : keys) {
      rows.push_back({title_of(info), hint_of(info), human_time(info.created_at), info.key_id});
    }
    output.print(table(rows));
    return 0;
  }
};

class KeyAddCommand final : public Command {
 public:
  std::string name() const override { return "key add"; }
  std::string summary() const override { return "Make a key and print it, this once"; }
  std::string example() const override { return "  STUDIO_KEY=$(studio key add nightly-report)"; }
  void declare(Arguments& arguments) override {
    arguments.positional(&name_, "NAME", "what to call it, such as the program that will use it", true);
  }

  Result<int> run(Context& context) override {
    STUDIO_CHECK_OK(keys::checked_name(name_));  // before a server is asked
    STUDIO_TRY(auto desk, KeyDesk::open(context));
    STUDIO_TRY(auto made, desk->make(name_));
    if (context.output.is_json()) {
      context.output.print_json(keys::json_of(made));
    } else {
      context.output.note("The key of \"" + made.info.name + "\". It is not shown again:");
      context.output.print(made.key);
    }
    return 0;
  }

 private:
  std::string name_;
};

class KeyRevokeCommand final : public Command {
 public:
  std::string name() const override { return "key revoke"; }
  std::string summary() const override { return "Take a key back: it opens nothing any more"; }
  std::string example() const override { return "  studio key revoke nightly-report"; }
  void declare(Arguments& arguments) override {
    arguments.positional(&wanted_, "NAME", "the key's name, or its id", true);
  }

  Result<int> run(Context& context) override {
    STUDIO_TRY(auto desk, KeyDesk::open(context));
    STUDIO_TRY(auto keys, desk->list());
    for (const keys::KeyInfo& info : keys) {
      if (info.name != wanted_ && info.key_id != wanted_) continue;
      STUDIO_CHECK_OK(desk->revoke(info.key_id));
      context.output.note("Revoked \"" + info.name + "\" (" + hint_of(info) + ").");
      if (context.output.is_json()) context.output.print_json(boost::json::object{{"revoked", info.key_id}});
      return 0;
    }
    return Error(Code::kNotFound, "no key is called '" + wanted_ + "'; `studio key list` shows them");
  }

 private:
  std::string wanted_;
};

}  // namespace

std::unique_ptr<Command> make_key_list_command() {
  return std::make_unique<KeyListCommand>();
}
std::unique_ptr<Command> make_key_add_command() {
  return std::make_unique<KeyAddCommand>();
}
std::unique_ptr<Command> make_key_revoke_command() {
  return std::make_unique<KeyRevokeCommand>();
}

}  // namespace studio::cli
