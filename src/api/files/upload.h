// A form on its way to the disk: fields are kept as texts, files as drafts. What is wrong with it is told by finish(),
// when all of it has been read, so that every client hears the answer.
// Threads: take() as http says; the rest by the handler, after it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/files/file_rules.h"
#include "base/digest.h"
#include "base/result.h"
#include "http/body_sink.h"
#include "http/message.h"
#include "http/multipart.h"
#include "store/files.h"

namespace studio::api {

struct UploadLimits {
  size_t files = 1;
  int64_t file_bytes = 0;    // of one; a larger one is marked, not kept
  bool has_digests = false;  // of each file's bytes, for who compares uploads
  store::FileTotals of_key = kMostOfKey;
};

inline constexpr size_t kMaxFormFields = 64;           // more than any form of ours has
inline constexpr size_t kMaxFormFieldBytes = 4096;     // of one: words and a description
inline constexpr size_t kFormOverheadBytes = 1 << 20;  // of a body, beside its files

class Upload final : public http::BodySink, private http::PartSink {
 public:
  struct File {
    std::string field;
    std::string name;  // UTF-8 without control characters, 1 to kMaxFileNameBytes
    std::optional<store::FileDraft> draft = {};
    int64_t size_bytes = 0;             // as it came
    bool is_too_large = false;          // then there is no draft
    std::optional<Error> refusal = {};  // quota_exceeded: the key has no room for it; then there is none either
    std::optional<Sha256> digest = {};
  };
  static constexpr size_t kMaxFileNameBytes = 255;  // what file systems take, so that a copy can have it

  Upload(store::Files& files, const http::Request& head, UploadLimits limits);

  void take(std::string_view piece) override;
  // Errors: invalid_argument with the field, payload_too_large, unavailable (the disk). Once.
  Status finish();

  // In their order. A form's own names may come more than once.
  const std::vector<std::pair<std::string, std::string>>& texts() const { return texts_; }
  std::vector<File>& files() { return uploaded_; }

 private:
  Status begin_part(const http::PartHead& head) override;
  Status take_bytes(std::string_view bytes) override;
  Status end_part() override;
  Status begin_file(const http::PartHead& head);
  Status add_to_file(std::string_view bytes);

  store::Files& files_;
  const UploadLimits limits_;
  const std::string owner_;
  std::optional<http::MultipartReader> reader_;
  std::optional<Error> fault_;
  bool is_file_ = false;  // the part that is being read
  std::vector<std::pair<std::string, std::string>> texts_;
  std::vector<File> uploaded_;
};

}  // namespace studio::api
