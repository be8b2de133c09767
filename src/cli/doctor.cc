// studio doctor: what could keep the program from working here, each with its remedy.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "cli/command.h"
#include "cli/doctor_tls.h"
#include "cli/engine_settings.h"
#include "cli/server_session.h"
#include "cli/settings.h"
#include "engine/formats/open_model.h"
#include "engine/kernels/kernel_set.h"

namespace studio::cli {
namespace {

namespace fs = std::filesystem;

enum class Verdict { kGood, kWarning, kFailure };

struct Finding {
  Verdict verdict = Verdict::kGood;
  std::string name, text, remedy;
};

constexpr int64_t kFreeBytesWanted = int64_t{2} << 30;    // room for a small model and the records
constexpr int64_t kMemoryBytesWanted = int64_t{2} << 30;  // the default model with its pages

Finding good(std::string name, std::string text) {
  return {Verdict::kGood, std::move(name), std::move(text), ""};
}

// The kernels that auto chooses, and what keeps faster ones from being chosen.
Finding look_at_cpu() {
  const engine::KernelSet& chosen = *engine::available_kernels().back();
  std::string text = std::to_string(std::thread::hardware_concurrency()) + " cores, kernels " + chosen.name;
  constexpr std::pair<engine::Isa, const char*> kFaster[] = {
      {engine::Isa::kAvx2, "avx2"}, {engine::Isa::kAvx512, "avx512"}, {engine::Isa::kAmx, "amx"}};
  std::string said;
  for (const auto& [isa, name] : kFaster) {
    const char* obstacle = engine::kernel_obstacle(isa);
    if (obstacle == nullptr || obstacle == said) continue;
    said = obstacle;
    text += std::string("; not ") + name + ": " + said;
  }
  if (chosen.isa != engine::Isa::kScalar) return good("processor", text);
  return {Verdict::kWarning, "processor", text, "the plain kernels are used: answers are right, but slow"};
}

int64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  int64_t kilobytes = 0;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") return kilobytes * 1024;
    file.ignore(64, '\n');
  }
  return 0;
}

Finding look_at_memory() {
  int64_t available = available_memory();
  std::string text = human_bytes(available) + " available";
  std::ifstream limit_file("/sys/fs/cgroup/memory.max");
  int64_t limit = 0;
  if (limit_file >> limit && limit > 0) text += ", limited to " + human_bytes(limit) + " by the control group";
  int64_t usable = limit > 0 ? std::min(limit, available) : available;
  if (usable >= kMemoryBytesWanted) return good("memory", text);
  return {Verdict::kWarning, "memory", text, "a small model needs about 1 GB: close something, or raise the limit"};
}

Finding look_at_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || ::access(path.c_str(), W_OK) != 0) {
    return {Verdict::kFailure, "data folder", path + " cannot be written",
            "give yourself the right to write it, or choose another with --data"};
  }
  struct statvfs disk{};
  int64_t free_bytes = 0;
  if (::statvfs(path.c_str(), &disk) == 0) {
    free_bytes = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  }
  std::string text = path + ", " + human_bytes(free_bytes) + " free";
  if (free_bytes >= kFreeBytesWanted) return good("data folder", text);
  return {Verdict::kWarning, "data folder", text, "models need room: free some, or choose another folder with --data"};
}

Finding look_at_key(const std::string& data_dir) {
  std::string path = data_dir + "/key";
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return good("key", "none yet; the first `studio serve` makes one");
  if ((status.st_mode & 077) == 0) return good("key", path);
  return {Verdict::kFailure, "key", path + " can be read by others", "chmod 600 " + path};
}

Finding look_at_model(const catalogue::LocalModel& model, bool is_deep, Output& output) {
  std::string name = "model " + model.name;
  std::string remedy = "studio rm " + model.name + " && studio pull " + model.name;
  if (model.format == "gguf" || model.format == "panels") {
    auto file = engine::read_model_head(model.path);
    if (!file.ok()) return {Verdict::kFailure, name, file.error().message(), remedy};
  }
  std::string text = human_bytes(model.bytes);
  if (!is_deep || model.sha256.empty() || (model.format != "gguf" && model.format != "panels")) return good(name, text);
  output.note(output.dim("reading " + model.name + " ..."));
  Sha256 digest;
  std::ifstream file(model.path, std::ios::binary);
  std::string buffer(size_t{1} << 20, '\0');
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0) {
    digest.update(std::string_view(buffer.data(), static_cast<size_t>(file.gcount())));
  }
  if (to_hex(digest.finish()) == model.sha256) return good(name, text + ", digest right");
  return {Verdict::kFailure, name, "its bytes have changed since it was pulled", remedy};
}

class DoctorCommand final : public Command {
 public:
  std::string name() const override { return "doctor"; }
  std::string summary() const override { return "Look for what could keep studio from working here"; }

  void declare(Arguments& arguments) override {
    arguments.flag(&is_deep_, "--deep", "also read every model's file and compare its digest");
  }

  Result<int> run(Context& context) override {
    std::vector<Finding> findings = {look_at_cpu(), look_at_memory(), look_at_folder(context.data_dir()),
                                     look_at_key(context.data_dir())};
    findings.push_back(look_at_server(context));
    add_certificate(context.config, findings);
    STUDIO_TRY(auto models, context.library().list());
    if (models.empty()) findings.push_back(good("models", "none yet; the first start fetches the default one"));
    for (const auto& model : models) findings.push_back(look_at_model(model, is_deep_, context.output));
    bool has_failed = false;
    for (const Finding& finding : findings) has_failed |= finding.verdict == Verdict::kFailure;
    print(context.output, findings, !has_failed);
    return has_failed ? 1 : 0;
  }

 private:
  static Finding look_at_server(Context& context) {
    std::string url = running_server(context);
    if (url.empty()) return good("server", "none is running on this data folder");
    return good("server", url + " answers");
  }

  static void add_certificate(const Config& config, std::vector<Finding>& findings) {
    http::TlsFiles files{expand_home(config.text("serve.tls_certificate")), expand_home(config.text("serve.tls_key"))};
    if (files.certificate.empty() && files.key.empty()) return;
    CertificateFinding found = check_certificate(files, std::chrono::system_clock::now());
    Verdict verdict = found.is_failure ? Verdict::kFailure : found.remedy.empty() ? Verdict::kGood : Verdict::kWarning;
    findings.push_back({verdict, "certificate", found.text, found.remedy});
  }

  static void print(Output& output, const std::vector<Finding>& findings, bool is_well) {
    constexpr const char* kNames[] = {"ok", "warning", "failure"};
    if (output.is_json()) {
      boost::json::array checks;
      for (const Finding& finding : findings) {
        checks.push_back(boost::json::object{{"check", finding.name},
                                             {"verdict", kNames[static_cast<int>(finding.verdict)]},
                                             {"text", finding.text},
                                             {"remedy", finding.remedy}});
      }
      return output.print_json(boost::json::object{{"ok", is_well}, {"checks", std::move(checks)}});
    }
    for (const Finding& finding : findings) {
      std::string mark = finding.verdict == Verdict::kGood      ? output.green("ok  ")
                         : finding.verdict == Verdict::kWarning ? output.yellow("warn")
                                                                : output.red("FAIL");
      output.print(mark + "  " + finding.name + ": " + finding.text);
      if (!finding.remedy.empty()) output.print("      " + finding.remedy);
    }
  }

  bool is_deep_ = false;
};

}  // namespace

std::unique_ptr<Command> make_doctor_command() {
  return std::make_unique<DoctorCommand>();
}

}  // namespace studio::cli
