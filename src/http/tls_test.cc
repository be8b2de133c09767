#include "http/tls.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace studio::http {
namespace {

namespace fs = std::filesystem;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key new_key() {
  return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
}

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("studio_tls_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const char* name) const { return (folder_ / name).string(); }

  void write_key(const char* name, EVP_PKEY* key, const char* password = nullptr) const {
    FILE* file = std::fopen(path(name).c_str(), "w");
    auto* secret = reinterpret_cast<unsigned char*>(const_cast<char*>(password));
    int size = password != nullptr ? static_cast<int>(std::string_view(password).size()) : 0;
    PEM_write_PrivateKey(file, key, password != nullptr ? EVP_aes_256_cbc() : nullptr, secret, size, nullptr, nullptr);
    std::fclose(file);
  }
  void write_certificate(const char* name, EVP_PKEY* key, long from_s, long to_s) const {
    std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509_set_version(certificate.get(), 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to_s);
    X509_set_pubkey(certificate.get(), key);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:studio.test,DNS:*.lab.test,IP:127.0.0.1");
    X509_add_ext(certificate.get(), names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate.get(), key, EVP_sha256());
    FILE* file = std::fopen(path(name).c_str(), "w");
    PEM_write_X509(file, certificate.get());
    std::fclose(file);
  }
  std::string refusal(const char* certificate, const char* key) const {
    auto loaded = load_tls({path(certificate), path(key)});
    return loaded.ok() ? "" : loaded.error().message();
  }

  fs::path folder_;
};

TEST_F(TlsTest, LoadsAPairAndTellsItsFacts) {
  Key key = new_key();
  write_key("key", key.get());
  write_certificate("certificate", key.get(), -3600, 3600);
  auto loaded = load_tls({path("certificate"), path("key")});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->facts.names, (std::vector<std::string>{"studio.test", "*.lab.test", "127.0.0.1"}));
  auto now = std::chrono::system_clock::now();
  EXPECT_FALSE(loaded->facts.has_expired(now));
  EXPECT_TRUE(loaded->facts.has_expired(now + std::chrono::hours(2)));
  EXPECT_TRUE(loaded->facts.is_not_yet_valid(now - std::chrono::hours(2)));
}

TEST_F(TlsTest, LoadsAnExpiredOneAndSaysSo) {
  Key key = new_key();
  write_key("key", key.get());
  write_certificate("certificate", key.get(), -7200, -3600);
  auto loaded = load_tls({path("certificate"), path("key")});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_TRUE(loaded->facts.has_expired(std::chrono::system_clock::now()));
}

TEST_F(TlsTest, NamesTheFileAtFault) {
  Key key = new_key(), other = new_key();
  write_key("key", key.get());
  write_key("other", other.get());
  write_key("locked", key.get(), "secret");
  write_certificate("certificate", key.get(), -3600, 3600);
  std::ofstream(path("text")) << "not PEM";
  EXPECT_NE(refusal("nowhere", "key").find("the certificate file " + path("nowhere")), std::string::npos);
  EXPECT_NE(refusal("certificate", "nowhere").find("the key file " + path("nowhere")), std::string::npos);
  EXPECT_NE(refusal("text", "key").find("holds no certificate in PEM form"), std::string::npos);
  EXPECT_NE(refusal("certificate", "text").find("holds no key in PEM form"), std::string::npos);
  EXPECT_NE(refusal("certificate", "locked").find("without a password"), std::string::npos);
  EXPECT_NE(refusal("certificate", "other").find("is not the key of the certificate"), std::string::npos);
  EXPECT_FALSE(load_tls({path("certificate"), ""}).ok());
}

}  // namespace
}  // namespace studio::http
