#include "cli/keys.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "api/serving/stored_usage.h"
#include "base/file.h"

namespace studio::cli {
namespace {

constexpr size_t kMaxKeyBytes = 512;  // of a key that someone chose

Result<std::string> checked_key(std::string key, const std::string& where) {
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  bool is_printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (key.empty() || key.size() > kMaxKeyBytes || !is_printable) {
    return Error(Code::kInvalidArgument, where + ": a key is 1 to " + std::to_string(kMaxKeyBytes) +
                                             " printable ASCII characters without blanks");
  }
  return key;
}

Result<std::string> read_key_file(const std::string& path) {
  auto text = read_file(path, kMaxKeyBytes + 2);
  if (!text.ok()) return Error(text.error().code(), path + ": cannot be read as a key: " + text.error().message());
  return checked_key(std::move(*text), path);
}

// The key that was chosen for this run, or nothing.
Result<std::string> chosen_key(const KeyChoice& choice) {
  if (!choice.key.empty()) return checked_key(choice.key, "--key");
  if (!choice.key_file.empty()) return read_key_file(choice.key_file);
  STUDIO_TRY(auto key, environment_key());
  if (key.empty() && !choice.configured_file.empty()) return read_key_file(choice.configured_file);
  return key;
}

class RingVerifier final : public api::KeyVerifier {
 public:
  explicit RingVerifier(std::shared_ptr<keys::KeyRing> ring) : ring_(std::move(ring)) {}

  std::optional<api::KeyIdentity> verify(const api::KeyDigest& digest) const override {
    auto key_id = ring_->find(digest);
    if (!key_id) return std::nullopt;
    return api::KeyIdentity{std::move(*key_id)};
  }

 private:
  std::shared_ptr<keys::KeyRing> ring_;
};

class StoreUsageSink final : public inference::UsageSink {
 public:
  explicit StoreUsageSink(std::shared_ptr<store::Store> store) : store_(std::move(store)) {}

  Status record(const inference::UsageRecord& record) override {
    return store_->record_usage(api::stored_usage(record));
  }

  Result<std::optional<inference::UsageRecord>> find(const std::string& request_id) override {
    STUDIO_TRY(const auto usage, store_->find_usage(request_id));
    if (!usage) return std::optional<inference::UsageRecord>();
    const std::chrono::system_clock::time_point started{std::chrono::milliseconds(usage->started_at_ms)};
    return std::optional(inference::UsageRecord{.request_id = usage->request_id,
                                                .key_id = usage->key_id,
                                                .model = usage->model,
                                                .operation = usage->operation,
                                                .prompt_tokens = usage->prompt_tokens,
                                                .cached_tokens = usage->cached_tokens,
                                                .newly_held_tokens = usage->newly_held_tokens,
                                                .completion_tokens = usage->completion_tokens,
                                                .reasoning_tokens = usage->reasoning_tokens,
                                                .outcome = usage->outcome,
                                                .started_at = started,
                                                .first_token_ms = usage->first_token_ms,
                                                .total_ms = usage->total_ms});
  }

 private:
  std::shared_ptr<store::Store> store_;
};

}  // namespace

Result<ServeKey> prepare_serve_key(const KeyChoice& choice, const std::string& data_dir,
                                   std::shared_ptr<store::Store> store) {
  ServeKey result;
  STUDIO_TRY(result.key, chosen_key(choice));
  STUDIO_TRY(result.ring, keys::KeyRing::open(std::move(store)));
  result.verifier = std::make_shared<RingVerifier>(result.ring);
  const std::string path = data_dir + "/key";
  const bool has_file = ::access(path.c_str(), F_OK) == 0;
  if (!has_file) STUDIO_CHECK_OK(result.ring->revoke_local());
  if (!result.key.empty()) {
    STUDIO_TRY(result.key_id, result.ring->accept_chosen(result.key));
    return result;
  }
  if (has_file) {
    STUDIO_TRY(result.key, read_key_file(path));
  } else {
    result.key = keys::new_key();
    STUDIO_CHECK_OK(write_file_atomically(path, result.key + "\n", 0600));
  }
  STUDIO_TRY(result.key_id, result.ring->accept_local(result.key));
  return result;
}

Result<std::string> environment_key() {
  if (const char* key = std::getenv("STUDIO_KEY"); key && *key) return checked_key(key, "STUDIO_KEY");
  if (const char* file = std::getenv("STUDIO_KEY_FILE"); file && *file) return read_key_file(file);
  return std::string();
}

Result<std::string> local_key(const std::string& data_dir, const std::string& configured_file) {
  STUDIO_TRY(auto key, environment_key());
  if (!key.empty()) return key;
  return read_key_file(configured_file.empty() ? data_dir + "/key" : configured_file);
}

Status make_data_dir(const std::string& data_dir) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) return Error(Code::kPermissionDenied, "cannot make the data folder " + data_dir + ": " + error.message());
  ::chmod(data_dir.c_str(), 0700);
  return Ok{};
}

Result<std::string> make_private_folder(const std::string& data_dir, const std::string& name) {
  std::error_code error;
  const std::string path = std::filesystem::absolute(data_dir, error).string() + "/" + name;
  if ((::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) || ::chmod(path.c_str(), 0700) != 0) {
    return Error(Code::kPermissionDenied, "cannot make " + path + ": " + std::strerror(errno));
  }
  return path;
}

std::shared_ptr<inference::UsageSink> make_usage_sink(std::shared_ptr<store::Store> store) {
  return std::make_shared<StoreUsageSink>(std::move(store));
}

}  // namespace studio::cli
