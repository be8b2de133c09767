// Any bytes as a settings file and as the text of a variable: settings within their limits or a refusal with its place.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/line_mutator.h"

namespace {

using namespace studio;

void check(bool holds) {
  if (!holds) std::abort();
}

// A file in memory: its path reads like any other.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("settings", 0)), path_("/proc/self/fd/" + std::to_string(fd_)) { check(fd_ >= 0); }
  const std::string& write(const uint8_t* data, size_t size) {
    check(::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, data, size, 0) == static_cast<ssize_t>(size));
    return path_;
  }

 private:
  int fd_;
  std::string path_;
};

const std::vector<Setting> kSettings = {
    {.name = "data", .fallback = "d"},
    {.name = "engine.threads", .kind = SettingKind::kNumber, .fallback = "1", .min = 0, .max = 64},
    {.name = "engine.kernels", .fallback = "auto", .choices = {"auto", "scalar"}},
    {.name = "engine.kv_bytes", .kind = SettingKind::kBytes, .fallback = "0", .min = 0},
    {.name = "serve.models", .kind = SettingKind::kList},
    {.name = "serve.allow_remote", .kind = SettingKind::kFlag, .fallback = "false"},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static MemoryFile file;
  const std::string& path = file.write(data, size);
  auto config = Config::load(kSettings, {.files = {path}});
  if (config.ok()) {
    check(config->number("engine.threads") >= 0 && config->number("engine.threads") <= 64);
    check(config->number("engine.kv_bytes") >= 0);
    check(config->text("engine.kernels") == "auto" || config->text("engine.kernels") == "scalar");
    for (const Setting& setting : kSettings) (void)config->display(setting.name);
  } else {
    check(config.error().message().starts_with(path + ":"));
  }
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string variable = environment_name(kSettings[size % kSettings.size()].name);
  auto from_text = Config::load(kSettings, {.env = {{variable, text}}});
  check(from_text.ok() || from_text.error().message().starts_with(variable + ": "));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_lines(data, size, max_size, seed);
}
