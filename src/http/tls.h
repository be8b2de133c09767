// TLS by certificate files: a chain and its key in PEM, loaded into what connections need.
//
// TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers alone; no compression, no renegotiation, no 0-RTT.
// Source of the choice: Mozilla's "intermediate" recommendation 5.7 without its CBC and DHE suites.
// A context is immutable: reloading makes a new one for connections to come, those that are open keep theirs.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace studio::http {

struct TlsFiles {
  std::string certificate;  // PEM: the server's own first, then those that lead to the root
  std::string key;          // PEM, not encrypted
};

struct CertificateFacts {
  std::vector<std::string> names;  // DNS names and addresses that it is for; "*.example.com" among them
  std::chrono::system_clock::time_point not_before, not_after;

  bool has_expired(std::chrono::system_clock::time_point now) const { return now >= not_after; }
  bool is_not_yet_valid(std::chrono::system_clock::time_point now) const { return now < not_before; }
};

struct TlsIdentity {
  std::shared_ptr<boost::asio::ssl::context> context;
  CertificateFacts facts;
};

// Errors: invalid_argument where a file cannot be read, is not what it should be, or key and certificate do not belong
// together. An expired certificate is no error here; its facts say so.
Result<TlsIdentity> load_tls(const TlsFiles& files);

}  // namespace studio::http
