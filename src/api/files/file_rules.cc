#include "api/files/file_rules.h"

#include <algorithm>
#include <array>

#include "http/message.h"

namespace studio::api {
namespace {

// What text is taken from; those of images have a smaller limit.
constexpr std::array<std::string_view, 9> kDocumentTypes = {"txt",  "docx", "pdf", "xlsx", "epub",
                                                            "mobi", "md",   "csv", "json"};
constexpr std::array<std::string_view, 5> kImageTypes = {"bmp", "png", "jpg", "jpeg", "gif"};

constexpr std::string_view kBatchPrefix = "file-batch-";
constexpr std::string_view kExtractPrefix = "file-fe-";
constexpr size_t kUuidBytes = 36;

bool is_one_of(std::string_view type, auto& types) {
  return std::ranges::any_of(types, [&](std::string_view known) { return http::equal_ignoring_case(type, known); });
}

std::string_view type_of(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

Status check_size(int64_t size_bytes, int64_t most) {
  if (size_bytes == 0) return Error(Code::kInvalidArgument, "file is empty.").with_param("file");
  if (size_bytes <= most) return Ok{};
  return Error(Code::kPayloadTooLarge,
               "file may have " + std::to_string(most >> 20) + " MiB for this purpose; it has more.")
      .with_param("file");
}

}  // namespace

std::string file_id_of(std::string_view purpose, const std::string& request_id, size_t number) {
  std::string id = number == 0 ? request_id : request_id + "-" + std::to_string(number);
  if (purpose == kPurposeBatch) return std::string(kBatchPrefix) + id;
  if (purpose == kPurposeExtract) return std::string(kExtractPrefix) + id;
  return id;
}

std::string request_of_file(std::string_view file_id) {
  for (const std::string_view prefix : {kBatchPrefix, kExtractPrefix}) {
    if (!file_id.starts_with(prefix)) continue;
    file_id.remove_prefix(prefix.size());
    break;
  }
  const bool is_alone = file_id.size() == kUuidBytes;
  const bool is_numbered = file_id.size() > kUuidBytes + 1 && file_id[kUuidBytes] == '-';
  return is_alone || is_numbered ? std::string(file_id.substr(0, kUuidBytes)) : std::string();
}

Status check_upload(std::string_view purpose, std::string_view name, int64_t size_bytes) {
  if (purpose == kPurposeBatch) return check_size(size_bytes, kMaxBatchFileBytes);
  if (purpose == kPurposeTuning) return check_size(size_bytes, kMaxTuningFileBytes);
  if (purpose != kPurposeExtract) return Error(Code::kOutOfRange, "This purpose is not known.").with_param("purpose");
  const std::string_view type = type_of(name);
  if (is_one_of(type, kImageTypes)) return check_size(size_bytes, kMaxExtractImageBytes);
  if (is_one_of(type, kDocumentTypes)) return check_size(size_bytes, kMaxExtractFileBytes);
  return Error(Code::kInvalidArgument,
               "file must be a document (txt, docx, pdf, xlsx, epub, mobi, md, csv, json) or an image (bmp, png, jpg, "
               "gif), by the end of its name.")
      .with_param("file");
}

}  // namespace studio::api
