#include "cli/key_desk.h"

#include "cli/keys.h"
#include "cli/server_session.h"
#include "cli/settings.h"

namespace studio::cli {
namespace {

class ServerDesk final : public KeyDesk {
 public:
  explicit ServerDesk(ApiClient client) : client_(std::move(client)) {}
  Result<std::vector<keys::KeyInfo>> list() override { return client_.list_keys(); }
  Result<keys::NewKey> make(const std::string& name) override { return client_.make_key(name); }
  Status revoke(const std::string& key_id) override { return client_.revoke_key(key_id); }

 private:
  ApiClient client_;
};

class StoreDesk final : public KeyDesk {
 public:
  explicit StoreDesk(std::shared_ptr<keys::KeyRing> ring) : ring_(std::move(ring)) {}
  Result<std::vector<keys::KeyInfo>> list() override { return ring_->list(); }
  Result<keys::NewKey> make(const std::string& name) override { return ring_->make(name); }
  Status revoke(const std::string& key_id) override {
    STUDIO_CHECK_OK(ring_->revoke(key_id));
    return Ok{};
  }

 private:
  std::shared_ptr<keys::KeyRing> ring_;
};

}  // namespace

Result<std::unique_ptr<KeyDesk>> KeyDesk::open(const Context& context) {
  const std::string data_dir = context.data_dir();
  if (std::string url = running_server(context); !url.empty()) {
    STUDIO_TRY(auto key, local_key(data_dir, expand_home(context.config.text("serve.key_file"))));
    return std::unique_ptr<KeyDesk>(std::make_unique<ServerDesk>(ApiClient(url, key)));
  }
  STUDIO_CHECK_OK(make_data_dir(data_dir));
  auto ring = keys::KeyRing::open_folder(data_dir);
  if (!ring.ok() && ring.error().code() == Code::kConflict) {
    return Error(Code::kUnavailable,
                 "the server that runs on " + data_dir + " holds its keys, and does not answer yet");
  }
  if (!ring.ok()) return ring.error();
  return std::unique_ptr<KeyDesk>(std::make_unique<StoreDesk>(std::move(*ring)));
}

}  // namespace studio::cli
