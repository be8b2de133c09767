#include "inference/adapter_list.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/file.h"
#include "engine/lora/adapter_set.h"

namespace studio::inference {
namespace {

// Between two bytes of an answer: a worker reads, checks and repacks the largest file in some seconds.
constexpr std::chrono::seconds kAdapterPatience{60};

http::ClientRequest about(http::Method method, const std::string& digest) {
  http::ClientRequest request;
  request.method = method;
  request.target = "/v1/adapters/" + digest;
  request.idle_timeout = kAdapterPatience;
  return request;
}

}  // namespace

bool AdapterList::add(AdapterFile file) {
  std::scoped_lock lock(mutex_);
  if (std::ranges::find(files_, file.digest, &AdapterFile::digest) != files_.end()) return false;
  files_.push_back(std::move(file));
  return true;
}

bool AdapterList::remove(const std::string& digest) {
  std::scoped_lock lock(mutex_);
  return std::erase_if(files_, [&](const AdapterFile& file) { return file.digest == digest; }) > 0;
}

std::vector<AdapterFile> AdapterList::all() const {
  std::scoped_lock lock(mutex_);
  return files_;
}

Result<std::string> read_adapter(const AdapterFile& file) {
  return read_file(file.path, static_cast<size_t>(engine::kMaxAdapterBytes));
}

http::ClientRequest put_adapter(const std::string& digest, std::string bytes) {
  http::ClientRequest request = about(http::Method::kPut, digest);
  request.body = std::move(bytes);
  return request;
}

http::ClientRequest delete_adapter(const std::string& digest) {
  return about(http::Method::kDelete, digest);
}

}  // namespace studio::inference
