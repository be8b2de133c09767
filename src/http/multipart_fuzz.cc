// Any bytes as a form: the same parts and the same error however they are cut, nothing held beyond a head and a
// delimiter, and the bytes of each part those that stand between its delimiters. The first byte chooses the cuts; up to
// the first line end stands the Content-Type.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/line_mutator.h"
#include "http/multipart.h"

namespace {

using namespace studio::http;

void check(bool holds) {
  if (!holds) std::abort();
}

// Everything told, as one text.
class Recorder final : public PartSink {
 public:
  studio::Status begin_part(const PartHead& head) override {
    check(!is_open_);
    is_open_ = true;
    bytes_.clear();
    told += "part " + head.name + "|" + head.filename.value_or("(none)") + "|" + head.content_type + "\n";
    return studio::Ok{};
  }
  studio::Status take_bytes(std::string_view bytes) override {
    check(is_open_ && !bytes.empty());
    bytes_ += bytes;
    return studio::Ok{};
  }
  studio::Status end_part() override {
    check(is_open_);
    is_open_ = false;
    parts.push_back(bytes_);
    return studio::Ok{};
  }
  std::string told;
  std::vector<std::string> parts;

 private:
  bool is_open_ = false;
  std::string bytes_;
};

struct Outcome {
  Recorder recorder;
  std::string error;
};

Outcome read(const std::string& boundary, std::string_view body, size_t step) {
  Outcome outcome;
  MultipartReader reader(boundary, outcome.recorder);
  studio::Status status = studio::Ok{};
  for (size_t at = 0; at < body.size() && status.ok(); at += step) status = reader.feed(body.substr(at, step));
  if (status.ok()) status = reader.finish();
  if (!status.ok()) outcome.error = status.error().message();
  return outcome;
}

// Of a body that was read as a form: what stands between a head's end and the next delimiter, taken from the whole.
std::vector<std::string> plain_parts(const std::string& boundary, std::string_view body) {
  const std::string text = "\r\n" + std::string(body), delimiter = "\r\n--" + boundary;
  std::vector<std::string> parts;
  size_t at = text.find(delimiter) + delimiter.size();
  while (text.compare(at, 2, "--") != 0) {
    const size_t begin = text.find("\r\n\r\n", at) + 4, end = text.find(delimiter, begin);
    parts.push_back(text.substr(begin, end - begin));
    at = end + delimiter.size();
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t line = std::min(bytes.find('\n'), bytes.size());
  auto boundary = form_boundary(bytes.substr(0, line));
  if (boundary.ok()) check(!boundary->empty() && boundary->size() <= kMaxBoundaryCharacters);
  const std::string used = boundary.ok() ? *boundary : "b";
  const std::string_view body = bytes.substr(std::min(line + 1, bytes.size()));

  const Outcome whole = read(used, body, body.size() + 1), pieces = read(used, body, 1 + data[0] % 16),
                single = read(used, body, 1);
  for (const Outcome* other : {&pieces, &single}) {
    check(other->error == whole.error && other->recorder.told == whole.recorder.told &&
          other->recorder.parts == whole.recorder.parts);
  }
  if (whole.error.empty()) check(whole.recorder.parts == plain_parts(used, body));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return studio::fuzz::mutate_as<studio::fuzz::LineMutator>(data, size, max_size, seed);
}
