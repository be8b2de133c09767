#include "api/files/upload.h"

#include <algorithm>

#include "api/serving/fields.h"
#include "engine/templates/unicode.h"

namespace studio::api {
namespace {

// What a client calls its file. Folders in front of it are dropped, as some clients send them.
std::string base_name(std::string_view name) {
  const size_t slash = name.find_last_of("/\\");
  return std::string(slash == std::string_view::npos ? name : name.substr(slash + 1));
}

// What a key has no room for is told of that file alone, and not before it is known whose it is: it may be there.
Status note_refusal(const Status& status, Upload::File& file) {
  if (status.ok() || status.error().code() != Code::kQuotaExceeded) return status;
  file.refusal = status.error();
  file.draft.reset();
  return Ok{};
}

}  // namespace

Upload::Upload(store::Files& files, const http::Request& head, UploadLimits limits)
    : files_(files), limits_(limits), owner_(head.principal) {
  const std::string* type = head.fields.find_only("content-type");
  auto boundary = http::form_boundary(type ? *type : "");
  if (boundary.ok()) {
    reader_.emplace(*boundary, static_cast<http::PartSink&>(*this));
  } else {
    fault_ = boundary.error();
  }
}

void Upload::take(std::string_view piece) {
  if (fault_) return;
  Status fed = reader_->feed(piece);
  if (fed.ok()) return;
  fault_ = fed.error();
  uploaded_.clear();  // what is on the disk of it goes now
}

Status Upload::finish() {
  if (fault_) return *fault_;
  return reader_->finish();
}

Status Upload::begin_part(const http::PartHead& head) {
  is_file_ = head.filename.has_value();
  if (is_file_) return begin_file(head);
  if (texts_.size() == kMaxFormFields) return Error(Code::kInvalidArgument, "The form has too many fields.");
  texts_.emplace_back(head.name, "");
  return Ok{};
}

Status Upload::begin_file(const http::PartHead& head) {
  if (uploaded_.size() == limits_.files) {
    return Error(Code::kInvalidArgument,
                 "The form may hold " + std::to_string(limits_.files) + (limits_.files == 1 ? " file." : " files."))
        .with_param(excerpt(head.name));
  }
  std::string name = base_name(*head.filename);
  const bool has_control =
      std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name.empty() || name.size() > kMaxFileNameBytes || has_control || !engine::jinja::is_valid_utf8(name)) {
    return Error(Code::kInvalidArgument, excerpt(head.name) + " must have a file name of 1 to " +
                                             std::to_string(kMaxFileNameBytes) + " bytes in UTF-8.")
        .with_param(excerpt(head.name));
  }
  File& file = uploaded_.emplace_back(File{.field = head.name, .name = std::move(name)});
  if (limits_.has_digests) file.digest.emplace();
  auto draft = files_.begin(owner_, limits_.of_key);
  if (!draft.ok()) return note_refusal(draft.error(), file);
  file.draft.emplace(std::move(*draft));
  return Ok{};
}

Status Upload::take_bytes(std::string_view bytes) {
  if (!is_file_) {
    std::string& text = texts_.back().second;
    if (text.size() + bytes.size() > kMaxFormFieldBytes) {
      const std::string name = excerpt(texts_.back().first);
      return Error(Code::kInvalidArgument,
                   name + " may hold " + std::to_string(kMaxFormFieldBytes) + " bytes; a file needs a file name.")
          .with_param(name);
    }
    text += bytes;
    return Ok{};
  }
  return add_to_file(bytes);
}

Status Upload::add_to_file(std::string_view bytes) {
  File& file = uploaded_.back();
  file.size_bytes += static_cast<int64_t>(bytes.size());
  if (file.size_bytes > limits_.file_bytes) {
    file.is_too_large = true;
    file.draft.reset();
    return Ok{};
  }
  if (file.digest) file.digest->update(bytes);
  return file.draft ? note_refusal(file.draft->append(bytes), file) : Ok{};
}

Status Upload::end_part() {
  return Ok{};
}

}  // namespace studio::api
