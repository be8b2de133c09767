// Any bytes as a settings file and as the text of a variable: settings within their limits or a refusal with its place.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/line_mutator.h"
#include "base/memory_file.h"

namespace {

using namespace studio;

void check(bool holds) {
  if (!holds) std::abort();
}

const std::vector<Setting> kSettings = {
    {.name = "data", .fallback = "d"},
    {.name = "engine.threads", .kind = SettingKind::kNumber, .fallback = "1", .min = 0, .max = 64},
    {.name = "engine.kernels", .fallback = "auto", .choices = {"auto", "scalar"}},
    {.name = "engine.kv_bytes", .kind = SettingKind::kBytes, .fallback = "0", .min = 0},
    {.name = "serve.models", .kind = SettingKind::kList},
    {.name = "serve.allow_remote", .kind = SettingKind::kFlag, .fallback = "false"},
};

// As a variable and as a flag: both take it for the same value, or neither takes it. As a name it has no such value.
void check_text(const std::string& name, const std::string& text) {
  const std::string variable = environment_name(name);
  auto from_variable = Config::load(kSettings, {.env = {{variable, text}}});
  auto from_flag = Config::load(kSettings, {.flags = {{name, text}}});
  check(from_variable.ok() == from_flag.ok());
  if (from_variable.ok()) {
    check(from_variable->origin(name) == variable && !from_flag->is_default(name));
    check(from_variable->display(name) == from_flag->display(name));
  } else {
    check(from_variable.error().message().starts_with(variable + ": "));
    check(from_flag.error().message().starts_with("--"));
  }
  check(!Config::load(kSettings, {.env = {{"STUDIO_ENGINE_" + text, "none of the choices"}}}).ok());
  check(!Config::load(kSettings, {.flags = {{"engine." + text, "none of the choices"}}}).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::MemoryFile file;
  const std::string& path = file.write({data, size});
  auto config = Config::load(kSettings, {.files = {path}});
  if (config.ok()) {
    check(config->number("engine.threads") >= 0 && config->number("engine.threads") <= 64);
    check(config->number("engine.kv_bytes") >= 0);
    check(config->text("engine.kernels") == "auto" || config->text("engine.kernels") == "scalar");
    for (const Setting& setting : kSettings) {
      check(!config->origin(setting.name).empty());
      (void)config->display(setting.name);
    }
    check(config->flag("serve.allow_remote") == (config->display("serve.allow_remote") == "true"));
    check(config->list("serve.models").size() <= size);
  } else {
    check(config.error().message().starts_with(path + ":"));
  }
  check_text(kSettings[size % kSettings.size()].name, std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
