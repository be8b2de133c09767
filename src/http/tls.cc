#include "http/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace studio::http {
namespace {

// TLS 1.2; the suites of 1.3 are all of this kind.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// An encrypted key must fail, not ask on the terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

// We speak HTTP/1.1. A client that offers none of our protocols is told so instead of being misunderstood.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void*) {
  static constexpr std::array<unsigned char, 9> kOurs = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  int found = SSL_select_next_proto(&chosen, out_size, kOurs.data(), kOurs.size(), in, in_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::string reason_of_openssl() {
  unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "unknown";
}

Error bad(const std::string& what, const std::string& why) {
  return Error(Code::kInvalidArgument, what + ": " + why).with_detail(reason_of_openssl());
}

Status check_readable(const std::string& what, const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return Ok{};
  return bad(what + " " + path, std::string("cannot be read: ") + std::strerror(errno));
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  int size = ASN1_STRING_length(bytes);
  if (size != 4 && size != 16) return "";
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text.data(), text.size());
  return text.data();
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  auto* list = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    std::string text;
    if (name->type == GEN_DNS) {
      const ASN1_STRING* dns = name->d.dNSName;
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(dns)),
                  static_cast<size_t>(ASN1_STRING_length(dns)));
    } else if (name->type == GEN_IPADD) {
      text = address_of(name->d.iPAddress);
    }
    if (!text.empty() && text.find('\0') == std::string::npos) names.push_back(std::move(text));
  }
  GENERAL_NAMES_free(list);
  return names;
}

void harden(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // clients resume by ticket; nothing is kept here
  SSL_CTX_set_max_early_data(context, 0);                       // 0-RTT can be replayed
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);          // an idle connection holds no record buffers
  SSL_CTX_set_default_passwd_cb(context, &no_password);
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
}

}  // namespace

Result<TlsIdentity> load_tls(const TlsFiles& files) {
  if (files.certificate.empty() || files.key.empty()) {
    return Error(Code::kInvalidArgument, "TLS needs both a certificate file and a key file");
  }
  STUDIO_CHECK_OK(check_readable("the certificate file", files.certificate));
  STUDIO_CHECK_OK(check_readable("the key file", files.key));
  ERR_clear_error();
  TlsIdentity identity;
  identity.context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  SSL_CTX* context = identity.context->native_handle();
  harden(context);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return bad("the certificate file " + files.certificate, "holds no certificate in PEM form");
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    // The certificate is in place, so a key that is read but not its own fails here already.
    bool is_other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                    ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    if (is_other) return bad("the key file " + files.key, "is not the key of the certificate " + files.certificate);
    return bad("the key file " + files.key, "holds no key in PEM form without a password");
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return bad("the key file " + files.key, "is not the key of the certificate " + files.certificate);
  }
  const X509* certificate = SSL_CTX_get0_certificate(context);
  identity.facts.names = names_of(certificate);
  identity.facts.not_before = time_of(X509_get0_notBefore(certificate));
  identity.facts.not_after = time_of(X509_get0_notAfter(certificate));
  return identity;
}

}  // namespace studio::http
