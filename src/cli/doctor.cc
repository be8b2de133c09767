// studio doctor: what is wrong, why it matters, and how to mend it.
#include <boost/json.hpp>
#include <iterator>

#include "cli/doctor_checks.h"
#include "cli/doctor_tls.h"
#include "cli/server_session.h"
#include "cli/settings.h"

namespace studio::cli {
namespace {

constexpr const char* kVerdictNames[] = {"ok", "note", "warning", "failure"};

class DoctorCommand final : public Command {
 public:
  std::string name() const override { return "doctor"; }
  std::string summary() const override { return "Find what is wrong here, why it matters and how to mend it"; }
  std::string example() const override {
    return "  studio doctor\n"
           "  studio doctor --deep --json    # also digests; exit code 1 where something fails";
  }

  void declare(Arguments& arguments) override {
    arguments.flag(&is_deep_, "--deep", "also read every model's file and compare its digest");
  }

  Result<int> run(Context& context) override {
    const std::string data_dir = context.data_dir();
    const std::string running = running_server(context);
    const MachineFacts machine = read_machine();
    std::vector<Finding> findings;
    auto add = [&](std::vector<Finding> more) {
      findings.insert(findings.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    add(check_machine(machine, largest_model(context)));
    add(check_data_folder(data_dir));
    add({check_key(data_dir, expand_home(context.config.text("serve.key_file")))});
    add(check_server(data_dir, running));
    add({check_listen(context.config.text("serve.listen"), context.config.is_default("serve.listen"), running)});
    add_certificate(context.config, findings);
    add(check_crashes(data_dir + "/crashes", machine.unix_time));
    add(check_models(context.library(), is_deep_, context.output));
    bool has_failed = false;
    for (const Finding& finding : findings) has_failed |= finding.verdict == Verdict::kFailure;
    print(context.output, findings, !has_failed);
    return has_failed ? 1 : 0;
  }

 private:
  static ModelSize largest_model(const Context& context) {
    ModelSize largest;
    auto models = context.library().list();
    if (!models.ok()) return largest;
    for (const auto& model : *models) {
      if (model.bytes > largest.bytes) largest = {model.name, model.bytes};
    }
    return largest;
  }

  static void add_certificate(const Config& config, std::vector<Finding>& findings) {
    http::TlsFiles files{expand_home(config.text("serve.tls_certificate")), expand_home(config.text("serve.tls_key"))};
    if (files.certificate.empty() && files.key.empty()) return;
    CertificateFinding found = check_certificate(files, std::chrono::system_clock::now());
    Verdict verdict = found.is_failure ? Verdict::kFailure : found.remedy.empty() ? Verdict::kGood : Verdict::kWarning;
    const char* why =
        found.remedy.empty() ? "" : "clients speak TLS to names that a certificate vouches for, or not at all";
    findings.push_back({verdict, "certificate", found.text, why, found.remedy});
  }

  static void print(Output& output, const std::vector<Finding>& findings, bool is_well) {
    if (output.is_json()) {
      boost::json::array checks;
      for (const Finding& finding : findings) {
        checks.push_back(boost::json::object{{"check", finding.check},
                                             {"verdict", kVerdictNames[static_cast<int>(finding.verdict)]},
                                             {"text", finding.text},
                                             {"why", finding.why},
                                             {"remedy", finding.remedy}});
      }
      return output.print_json(boost::json::object{{"ok", is_well}, {"checks", std::move(checks)}});
    }
    for (const Finding& finding : findings) {
      output.print(mark_of(output, finding.verdict) + "  " + finding.check + ": " + finding.text);
      if (!finding.why.empty()) output.print("      " + output.dim(finding.why));
      if (!finding.remedy.empty()) output.print("      " + finding.remedy);
    }
  }

  static std::string mark_of(const Output& output, Verdict verdict) {
    switch (verdict) {
      case Verdict::kGood:
        return output.green("ok  ");
      case Verdict::kNote:
        return output.dim("note");
      case Verdict::kWarning:
        return output.yellow("warn");
      case Verdict::kFailure:
        break;
    }
    return output.red("FAIL");
  }

  bool is_deep_ = false;
};

}  // namespace

std::unique_ptr<Command> make_doctor_command() {
  return std::make_unique<DoctorCommand>();
}

}  // namespace studio::cli
