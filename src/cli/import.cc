// studio import: a model of any kind into one panel file of the library, quantised on the way.
//
// A child process in the sandbox reads the strangers' bytes and writes the new file; this one, which they never touch,
// puts that into the library.
#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <filesystem>
#include <thread>

#include "base/confined_child.h"
#include "base/file_lock.h"
#include "catalogue/partial_file.h"
#include "cli/command.h"
#include "cli/models.h"
#include "cli/panel_conversion.h"
#include "cli/progress_bar.h"
#include "engine/kernels/kernel_set.h"
#include "engine/layers/panel_import.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

class ImportCommand final : public Command {
 public:
  std::string name() const override { return "import"; }
  std::string summary() const override { return "Make a model of your own ready: quantised, repacked, one file"; }
  std::string example() const override {
    return "  studio import ./Qwen2.5-0.5B-Instruct my-qwen --quantise q8_0\n"
           "  studio import ./model.gguf my-model";
  }

  void declare(Arguments& arguments) override {
    arguments.positional(&from_, "FROM", "folder of safetensors, GGUF file, or the name of a model that is here", true);
    arguments.positional(&to_, "NAME", "of the new model", true);
    arguments.option(&quantise_, "--quantise,--quantize", "TYPE", std::string(engine::kImportTypeNames));
  }

  Result<int> run(Context& context) override {
    if (!catalogue::is_model_name(to_)) {
      return Error(Code::kInvalidArgument, "'" + to_ + "' cannot be a model's name: letters, digits, '.', '-' and '_'");
    }
    STUDIO_CHECK_OK(engine::import_types(quantise_));  // before any work
    catalogue::Library library = context.library();
    STUDIO_CHECK_OK(library.make_folders());
    STUDIO_TRY(const std::string from, source_path(library));
    STUDIO_TRY(const auto held, FileLock::acquire(library.partial_dir() + "/." + to_ + ".lock"));
    if (library.find(to_)) {
      return Error(Code::kConflict,
                   "a model '" + to_ + "' is here already; choose another name, or `studio rm " + to_ + "`");
    }
    STUDIO_TRY(auto model, import(context, library, from));
    report(context.output, model);
    return 0;
  }

 private:
  Result<std::string> source_path(const catalogue::Library& library) const {
    std::error_code error;
    if (fs::exists(from_, error) && looks_like_a_path(from_)) return from_;
    if (auto local = library.find(from_)) return local->path;
    if (fs::exists(from_, error)) return from_;
    return Error(Code::kNotFound, "no such file, folder or model: " + from_);
  }

  Result<catalogue::LocalModel> import(Context& context, const catalogue::Library& library, const std::string& from) {
    const std::string staging = library.partial_dir() + "/" + to_;
    std::error_code error;
    fs::create_directories(staging, error);
    if (error) return Error(Code::kPermissionDenied, "cannot make " + staging + ": " + error.message());
    const std::string staged = staging + "/" + to_ + ".panels";
    // Chosen out here: the sandbox lets nobody ask the kernel for tiles of AMX.
    STUDIO_TRY(const auto* kernels, engine::select_kernels(engine::Isa::kAuto));
    std::vector<std::string> readable = kConversionReads;
    readable.push_back(from);
    Status done = run_confined(
        {.readable = std::move(readable), .writable = {staging}, .sockets = {}},
        [&](const std::vector<SandboxLayer>& layers) { tell_what_is_off(context.output, layers); },
        [&] { return convert(context.output, from, staged, *kernels); });
    if (!done.ok()) {
      fs::remove_all(staging, error);
      return std::move(done).error();
    }
    return publish(library, staging, staged);
  }

  static void tell_what_is_off(Output& output, const std::vector<SandboxLayer>& layers) {
    for (const SandboxLayer& layer : layers) {
      if (!layer.is_on) output.note(output.yellow("The import is less confined than it could be: ") + layer.detail);
    }
  }

  // In the sandbox.
  Status convert(Output& output, const std::string& from, const std::string& staged,
                 const engine::KernelSet& kernels) const {
    ProgressBar progress(output);
    bool has_begun = false;
    Status written =
        convert_to_panels(from, staged, quantise_, std::max(1, static_cast<int>(std::thread::hardware_concurrency())),
                          kernels, [&](int64_t done, int64_t total) {
                            if (!has_begun) progress.begin("import", 0, total);
                            has_begun = true;
                            progress.update(done);
                          });
    if (has_begun) progress.end();
    return written;
  }

  // The one moment at which the model becomes visible.
  Result<catalogue::LocalModel> publish(const catalogue::Library& library, const std::string& staging,
                                        const std::string& staged) const {
    catalogue::LocalModel model{.name = to_,
                                .path = library.models_dir() + "/" + to_ + ".panels",
                                .format = "panels",
                                .bytes = catalogue::bytes_of(staged),
                                .source = "import",
                                .pulled_at = std::time(nullptr)};
    STUDIO_TRY(model.sha256, catalogue::digest_of_file(staged));
    STUDIO_CHECK_OK(library.describe(model));
    std::error_code error;
    fs::rename(staged, model.path, error);
    if (error) return Error(Code::kInternal, "cannot rename to " + model.path + ": " + error.message());
    STUDIO_CHECK_OK(catalogue::sync_folder(library.models_dir()));
    fs::remove_all(staging, error);
    return model;
  }

  void report(Output& output, const catalogue::LocalModel& model) const {
    if (output.is_json()) {
      return output.print_json(boost::json::object{{"name", model.name},
                                                   {"path", model.path},
                                                   {"bytes", model.bytes},
                                                   {"sha256", model.sha256},
                                                   {"quantise", quantise_}});
    }
    if (output.is_quiet()) return;
    output.print(output.green("Imported ") + output.bold(model.name) + "  " + human_bytes(model.bytes) +
                 (quantise_ == "none" ? "" : ", " + quantise_));
  }

  std::string from_, to_, quantise_ = "none";
};

}  // namespace

std::unique_ptr<Command> make_import_command() {
  return std::make_unique<ImportCommand>();
}

}  // namespace studio::cli
