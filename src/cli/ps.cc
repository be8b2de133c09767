// studio ps: what the running server is doing, model by model.
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <map>

#include "cli/server_session.h"

namespace studio::cli {
namespace {

// A sample of the text that /metrics gives, by the model it is about: studio_sequences_running{model="tiny"} 3
std::map<std::string, double> by_model(const std::string& text, const std::string& name) {
  std::map<std::string, double> values;
  const std::string opening = "\n" + name + "{model=\"";
  for (size_t at = text.find(opening); at != std::string::npos; at = text.find(opening, at + 1)) {
    const size_t begin = at + opening.size();
    const size_t end = text.find("\"} ", begin);
    if (end == std::string::npos) break;
    values[text.substr(begin, end - begin)] = std::strtod(text.c_str() + end + 3, nullptr);
  }
  return values;
}

class PsCommand final : public Command {
 public:
  std::string name() const override { return "ps"; }
  std::string summary() const override { return "What the running server is doing, model by model"; }
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    auto server = find_running_server(context);
    if (!server.ok()) return std::move(server).error();
    STUDIO_TRY(auto text, server->client.metrics());
    print(context.output, *server, text);
    return 0;
  }

 private:
  static void print(Output& output, const RunningServer& server, const std::string& text) {
    auto ready = by_model(text, "studio_model_ready");
    auto running = by_model(text, "studio_sequences_running");
    auto waiting = by_model(text, "studio_sequences_waiting");
    auto pages = by_model(text, "studio_kv_cache_usage_ratio");
    auto memory = by_model(text, "studio_worker_resident_memory_bytes");
    auto restarts = by_model(text, "studio_worker_restarts_total");
    auto whole = [](double value) { return static_cast<int64_t>(value); };
    if (output.is_json()) {
      boost::json::array models;
      for (const auto& [name, is_ready] : ready) {
        models.push_back(boost::json::object{{"model", name},
                                             {"is_ready", is_ready == 1},
                                             {"running", whole(running[name])},
                                             {"waiting", whole(waiting[name])},
                                             {"pages_used", pages[name]},
                                             {"memory_bytes", whole(memory[name])},
                                             {"restarts", whole(restarts[name])}});
      }
      return output.print_json(
          boost::json::object{{"url", server.url}, {"pid", server.pid}, {"models", std::move(models)}});
    }
    std::vector<std::vector<std::string>> rows = {
        {"MODEL", "STATE", "RUNNING", "WAITING", "PAGES", "MEMORY", "RESTARTS"}};
    for (const auto& [name, is_ready] : ready) {
      rows.push_back({name, is_ready == 1 ? "ready" : "not ready", std::to_string(whole(running[name])),
                      std::to_string(whole(waiting[name])),
                      std::to_string(static_cast<int64_t>(std::lround(100 * pages[name]))) + " %",
                      human_bytes(whole(memory[name])), std::to_string(whole(restarts[name]))});
    }
    output.note(output.dim(server.url + ", process " + std::to_string(server.pid)));
    output.print(table(rows, {2, 3, 4, 5, 6}));
  }
};

}  // namespace

std::unique_ptr<Command> make_ps_command() {
  return std::make_unique<PsCommand>();
}

}  // namespace studio::cli
