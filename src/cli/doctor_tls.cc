#include "cli/doctor_tls.h"

#include <sys/stat.h>

#include <ctime>

namespace studio::cli {
namespace {

// Certificates of 90 days are renewed 30 before their end; later than half of that, the renewal has failed.
constexpr std::chrono::hours kRenewalIsLate{14 * 24};

std::string date_of(std::chrono::system_clock::time_point time) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

bool can_others_read(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0;
}

}  // namespace

CertificateFinding check_certificate(const http::TlsFiles& files, std::chrono::system_clock::time_point now) {
  auto loaded = http::load_tls(files);
  if (!loaded.ok()) {
    return {true, loaded.error().message(),
            "set serve.tls_certificate and serve.tls_key to a PEM certificate and its own key"};
  }
  const http::CertificateFacts& facts = loaded->facts;
  std::string names;
  for (const std::string& name : facts.names) names += (names.empty() ? "" : ", ") + name;
  const std::string renew = "renew it, then: kill -HUP the server's process";
  if (facts.has_expired(now)) return {true, files.certificate + " has expired on " + date_of(facts.not_after), renew};
  if (facts.is_not_yet_valid(now)) {
    return {true, files.certificate + " is not valid before " + date_of(facts.not_before), "check the clock, or wait"};
  }
  std::string text = "for " + (names.empty() ? "no name" : names) + ", until " + date_of(facts.not_after);
  if (names.empty()) return {true, text, "clients look for the host's name in subjectAltName: make one that has it"};
  if (now + kRenewalIsLate >= facts.not_after) return {false, text + ", which is soon", renew};
  if (can_others_read(files.key)) return {false, files.key + " can be read by others", "chmod 600 " + files.key};
  return {false, text, ""};
}

}  // namespace studio::cli
