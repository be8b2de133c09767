// What `studio doctor` says of the certificate that `studio serve` is set up with.
#pragma once

#include <chrono>
#include <string>

#include "http/tls.h"

namespace studio::cli {

struct CertificateFinding {
  bool is_failure = false;  // serve would not start, or no client would trust it
  std::string text;
  std::string remedy;  // empty where all is good
};

CertificateFinding check_certificate(const http::TlsFiles& files, std::chrono::system_clock::time_point now);

}  // namespace studio::cli
