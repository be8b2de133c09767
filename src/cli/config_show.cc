// studio config show: every setting with its value and, with --origin, where that came from.
#include <boost/json.hpp>

#include "cli/command.h"

namespace studio::cli {
namespace {

class ConfigShowCommand final : public Command {
 public:
  std::string name() const override { return "config show"; }
  std::string summary() const override { return "Every setting; --origin: where each value comes from"; }

  void declare(Arguments& arguments) override {
    arguments.flag(&origin_, "--origin", "where each value comes from: a flag, a variable, a file's line, the default");
  }

  Result<int> run(Context& context) override {
    const Config& config = context.config;
    if (context.output.is_json()) {
      boost::json::object all;
      for (const Setting& setting : config.settings()) {
        all[setting.name] = {{"value", json_value(config, setting)}, {"origin", config.origin(setting.name)}};
      }
      context.output.print_json(all);
      return 0;
    }
    // As a file that could be read back; the help stands beside.
    std::string open_table;
    std::vector<std::vector<std::string>> rows;
    for (const Setting& setting : config.settings()) {
      size_t dot = setting.name.find('.');
      std::string table_name = dot == std::string::npos ? "" : setting.name.substr(0, dot);
      if (table_name != open_table) {
        rows.push_back({""});
        rows.push_back({context.output.bold("[" + table_name + "]")});
        open_table = table_name;
      }
      std::string line =
          setting.name.substr(dot == std::string::npos ? 0 : dot + 1) + " = " + config.display(setting.name);
      rows.push_back({line, context.output.dim("# " + (origin_ ? config.origin(setting.name) : setting.help))});
    }
    context.output.print(table(rows));
    return 0;
  }

 private:
  static boost::json::value json_value(const Config& config, const Setting& setting) {
    switch (setting.kind) {
      case SettingKind::kNumber:
      case SettingKind::kBytes:
        return config.number(setting.name);
      case SettingKind::kFlag:
        return config.flag(setting.name);
      case SettingKind::kList:
        return boost::json::array(config.list(setting.name).begin(), config.list(setting.name).end());
      case SettingKind::kText:
        return boost::json::string(config.text(setting.name));
    }
    return nullptr;
  }

  bool origin_ = false;
};

}  // namespace

std::unique_ptr<Command> make_config_show_command() {
  return std::make_unique<ConfigShowCommand>();
}

}  // namespace studio::cli
