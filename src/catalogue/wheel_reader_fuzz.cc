// Any bytes as a wheel: never a crash, never more bytes than the limit, and every refusal says why.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/memory_file.h"
#include "catalogue/wheel_reader.h"

namespace {

constexpr int64_t kLimitBytes = 64 << 10;
constexpr const char* kMember = "some_model/part01.bin";  // as in the kept corpus

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static studio::fuzz::MemoryFile file;
  int64_t taken = 0;
  auto status = studio::catalogue::read_member(file.write({data, size}), kMember, kLimitBytes,
                                               [&](std::string_view bytes) -> studio::Status {
                                                 taken += static_cast<int64_t>(bytes.size());
                                                 return studio::Ok{};
                                               });
  if (taken > kLimitBytes) std::abort();
  if (!status.ok() && status.error().message().empty()) std::abort();
  return 0;
}
