// studio list: the models that are here; with --all those of the catalogue too.
#include <algorithm>
#include <boost/json.hpp>

#include "cli/command.h"

namespace studio::cli {
namespace {

class ListCommand final : public Command {
 public:
  std::string name() const override { return "list"; }
  std::string summary() const override { return "The models that are here; --all: those that can be had too"; }

  void declare(Arguments& arguments) override {
    arguments.flag(&all_, "--all,-a", "also the catalogue's models that are not here");
  }

  Result<int> run(Context& context) override {
    STUDIO_TRY(auto catalogue, context.catalogue());
    STUDIO_TRY(auto here, context.library().list());
    std::vector<Line> lines;
    for (const catalogue::LocalModel& model : here) lines.push_back({&model, catalogue.find(model.name)});
    if (all_) {
      for (const catalogue::Model& model : catalogue.models()) {
        bool is_here =
            std::any_of(here.begin(), here.end(), [&](const auto& local) { return local.name == model.name; });
        if (!is_here) lines.push_back({nullptr, &model});
      }
    }
    if (context.output.is_json()) {
      print_json(context.output, lines);
    } else {
      print_table(context.output, lines);
    }
    return 0;
  }

 private:
  struct Line {
    const catalogue::LocalModel* local;  // null: not here
    const catalogue::Model* entry;       // null: not in the catalogue
    const std::string& name() const { return local ? local->name : entry->name; }
  };

  static void print_json(Output& output, const std::vector<Line>& lines) {
    boost::json::array models;
    for (const Line& line : lines) {
      boost::json::object model{{"name", line.name()}, {"is_here", line.local != nullptr}};
      if (line.local) {
        model["path"] = line.local->path;
        model["bytes"] = line.local->bytes;
        model["sha256"] = line.local->sha256;
        model["source"] = line.local->source;
        model["pulled_at"] = line.local->pulled_at;
      } else if (line.entry->total_bytes() > 0) {
        model["bytes"] = line.entry->total_bytes();
      }
      if (line.entry) {
        model["kind"] = line.entry->kind;
        model["licence"] = line.entry->licence;
        model["summary"] = line.entry->summary;
      }
      models.push_back(std::move(model));
    }
    output.print_json(boost::json::object{{"models", models}});
  }

  void print_table(Output& output, const std::vector<Line>& lines) const {
    if (lines.empty()) {
      return output.note("No models are here yet. `studio list --all` shows what can be pulled.");
    }
    std::vector<std::vector<std::string>> rows;
    if (all_) {
      rows.push_back({output.dim("NAME"), output.dim("SIZE"), output.dim("HERE"), output.dim("WHAT IT IS")});
      for (const Line& line : lines) {
        int64_t bytes = line.local ? line.local->bytes : line.entry->total_bytes();
        rows.push_back({line.name(), bytes > 0 ? human_bytes(bytes) : "?", line.local ? output.green("yes") : "",
                        line.entry ? line.entry->summary : ""});
      }
    } else {
      rows.push_back({output.dim("NAME"), output.dim("SIZE"), output.dim("SOURCE"), output.dim("PULLED")});
      for (const Line& line : lines) {
        rows.push_back({line.name(), human_bytes(line.local->bytes),
                        line.local->source.empty() ? "?" : line.local->source, human_time(line.local->pulled_at)});
      }
    }
    output.print(table(rows, {1}));
  }

  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> make_list_command() {
  return std::make_unique<ListCommand>();
}

}  // namespace studio::cli
