#include "catalogue/wheel_reader.h"

#include <zip.h>

#include <filesystem>
#include <memory>
#include <vector>

namespace studio::catalogue {
namespace {

constexpr size_t kCopyBytes = 1 << 20;

struct CloseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

Error bad_wheel(const std::string& wheel, const std::string& reason) {
  return Error(Code::kCorruptData, std::filesystem::path(wheel).filename().string() + ": " + reason);
}

}  // namespace

Status read_member(const std::string& wheel, const std::string& member, int64_t limit_bytes,
                   const std::function<Status(std::string_view)>& take) {
  int code = 0;
  std::unique_ptr<zip_t, CloseZip> archive(zip_open(wheel.c_str(), ZIP_RDONLY, &code));
  if (!archive) return bad_wheel(wheel, "is not a zip file");
  zip_stat_t stat;
  if (zip_stat(archive.get(), member.c_str(), 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE)) {
    return bad_wheel(wheel, "holds no " + member);
  }
  if (limit_bytes < 0 || stat.size > static_cast<uint64_t>(limit_bytes)) {
    return bad_wheel(wheel, member + " is larger than it may be");
  }
  std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(archive.get(), stat.index, 0));
  if (!file) return bad_wheel(wheel, member + " cannot be read");
  std::vector<char> buffer(kCopyBytes);
  for (int64_t copied = 0;;) {
    int64_t count = zip_fread(file.get(), buffer.data(), buffer.size());
    if (count < 0) return bad_wheel(wheel, member + " is damaged");
    if (count == 0) return Ok{};
    copied += count;  // the size in the directory is a claim: the count is what is believed
    if (copied > limit_bytes) return bad_wheel(wheel, member + " is larger than it may be");
    STUDIO_CHECK_OK(take({buffer.data(), static_cast<size_t>(count)}));
  }
}

}  // namespace studio::catalogue
