// studio fields: what each endpoint does with every field of a request.
#include <boost/json.hpp>

#include "api/field_tables.h"
#include "cli/command.h"

namespace studio::cli {
namespace {

const char* word_for(api::FieldUse use) {
  switch (use) {
    case api::FieldUse::kHonoured:
      return "honoured";
    case api::FieldUse::kNoEffect:
      return "no effect";
    case api::FieldUse::kNotBuilt:
      break;
  }
  return "refused";
}

std::string note_of(const api::FieldRule& rule) {
  std::string values(rule.values);
  switch (rule.use) {
    case api::FieldUse::kHonoured:
      return values.empty() ? "" : "only " + values;
    case api::FieldUse::kNoEffect:
      return values;
    case api::FieldUse::kNotBuilt:
      break;
  }
  const std::string reason(rule.reason);
  return values.empty() ? reason : reason + (reason.empty() ? "" : "; ") + "but for " + values;
}

class FieldsCommand final : public Command {
 public:
  std::string name() const override { return "fields"; }
  std::string summary() const override { return "What each endpoint does with every field of a request"; }
  std::string example() const override { return "studio fields anthropic"; }
  bool needs_settings() const override { return false; }
  void declare(Arguments& arguments) override {
    arguments.positional(&dialect_, "DIALECT", "of this dialect alone: openai, dashscope, anthropic, ollama", false);
  }

  Result<int> run(Context& context) override {
    if (context.output.is_json()) {
      context.output.print_json(api::field_tables_json());
      return 0;
    }
    bool is_known = false;
    for (const api::EndpointFields& endpoint : api::all_field_tables()) {
      if (!dialect_.empty() && endpoint.dialect != dialect_) continue;
      is_known = true;
      print(context.output, endpoint);
    }
    if (!is_known) return Error(Code::kNotFound, dialect_ + " is no dialect; `studio fields` lists all");
    return 0;
  }

 private:
  static void print(Output& output, const api::EndpointFields& endpoint) {
    std::vector<std::vector<std::string>> rows = {{"FIELD", "USE", ""}};
    for (const api::FieldTable& object : endpoint.tables) {
      std::string place = object.path;
      if (!object.variant.empty())
        place += "(" + object.variant + (object.role.empty() ? "" : ", " + object.role) + ")";
      for (const api::FieldRule& rule : object.rules) {
        rows.push_back(
            {place + (place.empty() ? "" : ".") + std::string(rule.name), word_for(rule.use), note_of(rule)});
      }
    }
    output.print(output.bold(endpoint.endpoint));
    output.print(table(rows));
  }

  std::string dialect_;
};

}  // namespace

std::unique_ptr<Command> make_fields_command() {
  return std::make_unique<FieldsCommand>();
}

}  // namespace studio::cli
