// studio adapter add, list, rm: LoRA adapters of the models that are here, also while a server runs.
//
// The files of an adapter are a stranger's work: a child process in the sandbox reads them, checks them against the
// model and writes them anew, as engines take them; this one puts that file into the library and asks the server to
// serve it.
#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <filesystem>

#include "base/confined_child.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "catalogue/adapter_library.h"
#include "cli/command.h"
#include "cli/models.h"
#include "cli/server_session.h"
#include "engine/formats/lora_writer.h"
#include "engine/formats/open_model.h"
#include "engine/lora/adapter_set.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;
using catalogue::AdapterLibrary, catalogue::AdapterName, catalogue::LocalAdapter;

boost::json::object json_of(const LocalAdapter& adapter) {
  return {{"name", adapter.full_name()}, {"model", adapter.model},      {"path", adapter.path},
          {"bytes", adapter.bytes},      {"sha256", adapter.sha256},    {"source", adapter.source},
          {"store", adapter.store},      {"added_at", adapter.added_at}};
}

class AdapterAddCommand final : public Command {
 public:
  std::string name() const override { return "adapter add"; }
  std::string summary() const override { return "Add a LoRA adapter to a model, and serve it as MODEL:NAME"; }
  std::string example() const override {
    return "  studio adapter add qwen2.5-coder-0.5b-instruct:sql ./sql-lora\n"
           "  studio adapter add my-qwen:tone ./tone-lora.gguf --store int8";
  }

  void declare(Arguments& arguments) override {
    arguments.positional(&wanted_, "MODEL:NAME", "the model, and what to call the adapter", true);
    arguments.positional(&from_, "FROM", "folder that PEFT saved, or a GGUF adapter", true);
    arguments.option(&store_, "--store", "TYPE",
                     std::string(engine::kLoraStorageNames) + ": how the factors are kept in memory");
  }

  Result<int> run(Context& context) override {
    STUDIO_TRY(const AdapterName wanted, catalogue::parse_adapter_name(wanted_));
    STUDIO_TRY(const engine::LoraStorage storage, engine::lora_storage(store_));
    std::error_code error;
    if (!fs::exists(from_, error)) return Error(Code::kNotFound, "no such file or folder: " + from_);
    STUDIO_TRY(const FoundModel model, find_model(context, wanted.model));
    const AdapterName name{model.name, wanted.adapter};
    const AdapterLibrary library(context.data_dir());
    STUDIO_TRY(const LocalAdapter adapter, import(context, library, model, name, storage));
    STUDIO_TRY(const bool is_served, serve(context, library, adapter));
    report(context.output, adapter, is_served);
    return 0;
  }

 private:
  Result<LocalAdapter> import(Context& context, const AdapterLibrary& library, const FoundModel& model,
                              const AdapterName& name, engine::LoraStorage storage) const {
    STUDIO_CHECK_OK(library.prepare(name));
    STUDIO_TRY(const auto held, FileLock::acquire(library.lock_path(name.model)));
    STUDIO_CHECK_OK(library.prepare(name));  // another process may have been quicker
    STUDIO_TRY(const std::string staging, library.make_staging(name));
    const std::string staged = staging + "/adapter.gguf";
    Status done = run_confined(
        {.readable = {from_, model.path}, .writable = {staging}, .sockets = {}},
        [&](const std::vector<SandboxLayer>& layers) { tell_what_is_off(context.output, layers); },
        [&] { return convert(context.output, model.path, staged, storage); });
    auto published = done.ok() ? library.publish(staged, {.model = name.model,
                                                          .name = name.adapter,
                                                          .source = from_,
                                                          .store = store_,
                                                          .added_at = std::time(nullptr)})
                               : Result<LocalAdapter>(std::move(done).error());
    std::error_code error;
    fs::remove_all(staging, error);
    return published;
  }

  static void tell_what_is_off(Output& output, const std::vector<SandboxLayer>& layers) {
    for (const SandboxLayer& layer : layers) {
      if (!layer.is_on)
        output.note(output.yellow("The adapter is read less confined than it could be: ") + layer.detail);
    }
  }

  // In the sandbox.
  Status convert(Output& output, const std::string& model_path, const std::string& staged,
                 engine::LoraStorage storage) const {
    STUDIO_TRY(const auto base, engine::read_model_head(model_path));
    STUDIO_TRY(const auto source, engine::LoraSource::open(from_, base));
    STUDIO_TRY(const auto bytes, engine::write_lora(source, storage));
    // What an engine would refuse is told now, not when somebody asks for it.
    STUDIO_TRY(const auto adapter, engine::Adapter::load(bytes, base));
    if (static_cast<int64_t>(bytes.size()) > engine::kMaxAdapterBytes) {
      return Error(Code::kPayloadTooLarge, "the adapter has " + human_bytes(static_cast<int64_t>(bytes.size())) + "; " +
                                               human_bytes(engine::kMaxAdapterBytes) + " are the most that are taken");
    }
    output.note(output.dim(std::string(source.format()) + " adapter, rank " + std::to_string(source.max_rank()) + ", " +
                           std::to_string(source.pairs().size()) + " matrices, " + human_bytes(adapter->bytes()) +
                           " in memory"));
    return write_file_atomically(staged, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 0644);
  }

  // Whether a running server has it now. What it refuses is not kept.
  static Result<bool> serve(Context& context, const AdapterLibrary& library, const LocalAdapter& adapter) {
    auto server = find_running_server(context);
    if (!server.ok()) return false;
    STUDIO_TRY(const auto served, server->client.models());
    if (std::ranges::find(served, adapter.model) == served.end()) return false;
    Status added = server->client.add_adapter(adapter.model, adapter.name);
    if (added.ok()) return true;
    STUDIO_CHECK_OK(library.remove(adapter.model, adapter.name));
    return std::move(added).error();
  }

  static void report(Output& output, const LocalAdapter& adapter, bool is_served) {
    if (output.is_json()) {
      boost::json::object object = json_of(adapter);
      object["is_served"] = is_served;
      return output.print_json(object);
    }
    if (output.is_quiet()) return;
    output.print(output.green("Added ") + output.bold(adapter.full_name()) + "  " + human_bytes(adapter.bytes) +
                 (is_served ? "; the server answers to it now" : "; served with its model from the next start on"));
  }

  std::string wanted_, from_, store_ = "int16";
};

class AdapterListCommand final : public Command {
 public:
  std::string name() const override { return "adapter list"; }
  std::string summary() const override { return "The adapters that are here"; }
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    STUDIO_TRY(const auto adapters, AdapterLibrary(context.data_dir()).list());
    Output& output = context.output;
    if (output.is_json()) {
      boost::json::array list;
      for (const LocalAdapter& adapter : adapters) list.push_back(json_of(adapter));
      output.print_json(boost::json::object{{"adapters", list}});
      return 0;
    }
    if (adapters.empty()) {
      output.note("There is no adapter yet. `studio adapter add MODEL:NAME FROM` adds one.");
      return 0;
    }
    std::vector<std::vector<std::string>> rows = {
        {output.dim("NAME"), output.dim("SIZE"), output.dim("STORED"), output.dim("FROM"), output.dim("ADDED")}};
    for (const LocalAdapter& adapter : adapters) {
      rows.push_back({adapter.full_name(), human_bytes(adapter.bytes), adapter.store, adapter.source,
                      human_time(adapter.added_at)});
    }
    output.print(table(rows, {1}));
    return 0;
  }
};

class AdapterRmCommand final : public Command {
 public:
  std::string name() const override { return "adapter rm"; }
  std::string summary() const override { return "Remove adapters: from the running server, and from this disk"; }
  std::string example() const override { return "  studio adapter rm qwen2.5-coder-0.5b-instruct:sql"; }
  void declare(Arguments& arguments) override { arguments.positionals(&names_, "MODEL:NAME", "adapters to remove"); }

  Result<int> run(Context& context) override {
    if (names_.empty()) {
      return Error(Code::kInvalidArgument, "adapter rm needs the name of an adapter; `studio adapter list` shows them");
    }
    const AdapterLibrary library(context.data_dir());
    auto server = find_running_server(context);
    boost::json::array removed;
    for (const std::string& text : names_) {
      STUDIO_TRY(const AdapterName name, catalogue::parse_adapter_name(text));
      if (server.ok()) {
        Status stopped = server->client.remove_adapter(text);
        if (!stopped.ok() && stopped.error().code() != Code::kNotFound) return std::move(stopped).error();
      }
      STUDIO_CHECK_OK(library.remove(name.model, name.adapter));
      removed.emplace_back(text);
      context.output.note("Removed " + text);
    }
    if (context.output.is_json()) context.output.print_json(boost::json::object{{"removed", removed}});
    return 0;
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace

std::unique_ptr<Command> make_adapter_add_command() {
  return std::make_unique<AdapterAddCommand>();
}
std::unique_ptr<Command> make_adapter_list_command() {
  return std::make_unique<AdapterListCommand>();
}
std::unique_ptr<Command> make_adapter_rm_command() {
  return std::make_unique<AdapterRmCommand>();
}

}  // namespace studio::cli
