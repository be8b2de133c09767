// studio rm: a model leaves this disk.
#include <boost/json.hpp>

#include "catalogue/kept_panels.h"
#include "cli/command.h"

namespace studio::cli {
namespace {

class RmCommand final : public Command {
 public:
  std::string name() const override { return "rm"; }
  std::string summary() const override { return "Remove models from this disk"; }

  void declare(Arguments& arguments) override { arguments.positionals(&names_, "NAME", "models to remove"); }

  Result<int> run(Context& context) override {
    if (names_.empty()) return Error(Code::kInvalidArgument, "rm needs the name of a model; `studio list` shows them");
    STUDIO_TRY(auto catalogue, context.catalogue());
    boost::json::array removed;
    for (const std::string& name : names_) {
      const catalogue::Model* entry = catalogue.find(name);
      std::string real_name = entry ? entry->name : name;
      auto local = context.library().find(real_name);
      STUDIO_CHECK_OK(context.library().remove(real_name));
      if (local) catalogue::KeptPanels(context.data_dir()).forget(local->path);
      removed.emplace_back(real_name);
      context.output.note("Removed " + real_name + (local ? ", " + human_bytes(local->bytes) + " freed" : ""));
    }
    if (context.output.is_json()) context.output.print_json(boost::json::object{{"removed", removed}});
    return 0;
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Command> make_rm_command() {
  return std::make_unique<RmCommand>();
}

}  // namespace studio::cli
