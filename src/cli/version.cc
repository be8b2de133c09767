// studio version: the program and what it is made of.
#include <curl/curl.h>

#include <boost/json.hpp>
#include <boost/version.hpp>

#include "base/version.h"
#include "cli/command.h"
#include "store/sqlite.h"

namespace studio::cli {
namespace {

class VersionCommand final : public Command {
 public:
  std::string name() const override { return "version"; }
  std::string summary() const override { return "The version, and those of its libraries"; }
  bool needs_settings() const override { return false; }
  void declare(Arguments&) override {}

  Result<int> run(Context& context) override {
    std::string boost = std::to_string(BOOST_VERSION / 100'000) + "." + std::to_string(BOOST_VERSION / 100 % 1'000);
    std::string sqlite(store::sqlite_version());
    std::string curl = curl_version_info(CURLVERSION_NOW)->version;
    if (context.output.is_json()) {
      context.output.print_json(
          boost::json::object{{"version", kVersion},
                              {"compiler", __VERSION__},
                              {"libraries", {{"sqlite", sqlite}, {"boost", boost}, {"curl", curl}}}});
    } else {
      context.output.print(
          "studio " + std::string(kVersion) + "\n" +
          context.output.dim("sqlite " + sqlite + ", boost " + boost + ", curl " + curl + "; " + __VERSION__));
    }
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_version_command() {
  return std::make_unique<VersionCommand>();
}

}  // namespace studio::cli
