#include "cli/keys.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "base/digest.h"
#include "base/file.h"
#include "base/ids.h"

namespace studio::cli {
namespace {

constexpr size_t kKeyLetters = 43;    // 62^43 > 2^256
constexpr size_t kMaxKeyBytes = 512;  // of a key that someone chose
constexpr size_t kPrefixBytes = 7;    // "sk-aB3x": enough to tell keys apart, nothing towards guessing one
constexpr const char* kLocalKeyName = "local";

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

store::ApiKey record_of(const std::string& key) {
  return {.key_id = "key_" + new_uuid(),
          .name = kLocalKeyName,
          .digest = sha256(key),
          .prefix = key.substr(0, kPrefixBytes),
          .created_at = std::time(nullptr)};
}

class StoreUsageSink final : public inference::UsageSink {
 public:
  explicit StoreUsageSink(std::shared_ptr<store::Store> store) : store_(std::move(store)) {}

  Status record(const inference::UsageRecord& record) override {
    auto started = std::chrono::duration_cast<std::chrono::milliseconds>(record.started_at.time_since_epoch());
    return store_->record_usage({.request_id = record.request_id,
                                 .key_id = record.key_id,
                                 .model = record.model,
                                 .operation = record.operation,
                                 .prompt_tokens = record.prompt_tokens,
                                 .cached_tokens = record.cached_tokens,
                                 .completion_tokens = record.completion_tokens,
                                 .reasoning_tokens = record.reasoning_tokens,
                                 .outcome = record.outcome,
                                 .started_at_ms = started.count(),
                                 .first_token_ms = record.first_token_ms,
                                 .total_ms = record.total_ms});
  }

 private:
  std::shared_ptr<store::Store> store_;
};

}  // namespace

std::string new_key() {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string key = "sk-";
  while (key.size() < 3 + kKeyLetters) {
    uint64_t bits = random_u64();
    for (int i = 0; i < 8 && key.size() < 3 + kKeyLetters; ++i, bits >>= 8) {
      uint8_t byte = bits & 0xff;
      if (byte < 62 * 4) key += kAlphabet[byte % 62];  // the rest would favour some letters
    }
  }
  return key;
}

Result<ServeKey> prepare_serve_key(const KeyChoice& choice, const std::string& data_dir, store::Store& store) {
  ServeKey result;
  STUDIO_TRY(result.key, chosen_key(choice));
  STUDIO_TRY(auto keys, store.active_keys());
  std::vector<api::FixedKeyVerifier::Entry> entries;
  for (const store::ApiKey& key : keys) entries.push_back({key.key_id, key.digest});

  if (!result.key.empty()) {
    entries.push_back({"key_chosen", sha256(result.key)});
  } else {
    std::string path = data_dir + "/key";
    result.is_new = ::access(path.c_str(), F_OK) != 0;
    if (result.is_new) {
      STUDIO_CHECK_OK(store.revoke_keys_named(kLocalKeyName));
      std::erase_if(entries, [&](const auto& entry) {
        return std::any_of(keys.begin(), keys.end(), [&](const store::ApiKey& key) {
          return key.key_id == entry.key_id && key.name == kLocalKeyName;
        });
      });
      result.key = new_key();
      STUDIO_CHECK_OK(write_file_atomically(path, result.key + "\n", 0600));
    } else {
      STUDIO_TRY(result.key, read_key_file(path));
    }
    store::ApiKey record = record_of(result.key);
    bool is_known =
        std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.digest == record.digest; });
    if (!is_known) {
      STUDIO_CHECK_OK(store.add_key(record));
      entries.push_back({record.key_id, record.digest});
    }
  }
  for (const auto& entry : entries) {
    if (entry.digest == sha256(result.key)) result.key_id = entry.key_id;
  }
  result.verifier = std::make_shared<api::FixedKeyVerifier>(std::move(entries));
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

std::shared_ptr<inference::UsageSink> make_usage_sink(std::shared_ptr<store::Store> store) {
  return std::make_shared<StoreUsageSink>(std::move(store));
}

}  // namespace studio::cli
