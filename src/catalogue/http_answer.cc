#include "catalogue/http_answer.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace studio::catalogue {
namespace {

constexpr size_t kMaxLineBytes = 8 << 10;    // as web servers themselves allow; longer lines say nothing
constexpr int64_t kMaxDelaySeconds = 86400;  // a longer Retry-After is as good as a day

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::optional<int64_t> number_of(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

void HttpAnswer::start_answer(std::string_view status_line) {
  is_complete_ = false;
  status_ = 0;
  length_ = range_start_ = range_total_ = -1;
  etag_.clear();
  retry_after_.reset();
  size_t space = status_line.find(' ');
  if (space != std::string_view::npos) {
    status_ = static_cast<long>(number_of(status_line.substr(space + 1, 3)).value_or(0));
  }
}

void HttpAnswer::add_line(std::string_view text) {
  text = trimmed(text);
  if (text.size() > kMaxLineBytes) return;
  if (text.starts_with("HTTP/")) return start_answer(text);
  if (text.empty()) {
    is_complete_ = status_ >= 200 && status_ / 100 != 3;
    return;
  }
  size_t colon = text.find(':');
  if (colon == std::string_view::npos) return;
  std::string name = lower(text.substr(0, colon));
  std::string_view value = trimmed(text.substr(colon + 1));
  if (name == "content-length") length_ = number_of(value).value_or(-1);
  if (name == "content-range") read_range(value);
  if (name == "etag") etag_ = value;
  if (name == "x-linked-etag") linked_etag_ = value;
  if (name == "x-linked-size") linked_size_ = number_of(value).value_or(-1);
  if (name == "retry-after") {
    if (auto delay = number_of(value)) retry_after_ = std::chrono::seconds(std::min(*delay, kMaxDelaySeconds));
  }
}

// bytes 5-9/10
void HttpAnswer::read_range(std::string_view value) {
  if (!value.starts_with("bytes ")) return;
  value.remove_prefix(6);
  size_t dash = value.find('-'), slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos) return;
  range_start_ = number_of(value.substr(0, dash)).value_or(-1);
  range_total_ = number_of(value.substr(slash + 1)).value_or(-1);
}

Validators HttpAnswer::validators() const {
  Validators found;
  found.etag = linked_etag_.empty() ? etag_ : linked_etag_;
  std::string bare = found.etag.starts_with("W/") ? found.etag.substr(2) : found.etag;
  if (bare.size() >= 2 && bare.front() == '"' && bare.back() == '"') bare = bare.substr(1, bare.size() - 2);
  if (bare.size() == 64 && bare.find_first_not_of("0123456789abcdef") == std::string::npos) found.sha256 = bare;
  found.bytes = status_ == 206 ? range_total_ : (linked_size_ >= 0 ? linked_size_ : (status_ == 200 ? length_ : -1));
  return found;
}

Error error_of_answer(const HttpAnswer& answer, const std::string& host) {
  std::string number = "HTTP " + std::to_string(answer.status());
  switch (answer.status()) {
    case 401:
    case 403:
      return Error(Code::kPermissionDenied, host + " refuses the file (" + number +
                                                "); a gated model needs its licence accepted there and HF_TOKEN set");
    case 404:
    case 410:
      return Error(Code::kNotFound, host + " does not have the file (" + number + ")");
    default:
      break;
  }
  if (!answer.retry_after()) return Error(Code::kUnavailable, host + " answers " + number);
  return Error(Code::kUnavailable, host + " answers " + number + ", to be asked again in " +
                                       std::to_string(answer.retry_after()->count()) + " s")
      .with_retry_after(*answer.retry_after());
}

}  // namespace studio::catalogue
