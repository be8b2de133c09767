#include "catalogue/fetch.h"

#include <algorithm>
#include <optional>
#include <thread>

namespace studio::catalogue {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using OnBytes = std::function<void(int64_t done, int64_t total)>;

constexpr int kMaxBarrenTries = 5;        // tries in a row that brought no byte
constexpr int kMaxFirstTries = 2;         // of a server that never brought one: others may be waiting their turn
constexpr long kStallSeconds = 20;        // without a byte: taken for cut, and resumed
constexpr milliseconds kFirstPause{100};  // doubled with every barren try

// One request and what came of it.
class Transfer {
 public:
  Transfer(const FetchRequest& request, PartialFile& file, const OnBytes& on_bytes)
      : request_(request), file_(file), on_bytes_(on_bytes), http_(request) {}

  // Ok: the request ran to its end, whatever its status. Otherwise unavailable, or the file's own error.
  Status run();
  const HttpAnswer& answer() const { return http_.answer(); }
  bool file_changed() const { return file_changed_; }

 private:
  bool begin_body();

  static size_t on_body(char* data, size_t, size_t count, void* self);
  static int on_tick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    bool is_over = Clock::now() - transfer.start_ > transfer.request_.first_answer;
    transfer.is_late_ = is_over && !transfer.answer().is_complete();
    return transfer.is_late_;  // not 0 ends the transfer
  }

  const FetchRequest& request_;
  PartialFile& file_;
  const OnBytes& on_bytes_;
  HttpRequest http_;
  Clock::time_point start_ = Clock::now();
  bool in_body_ = false, file_changed_ = false, is_late_ = false;
  std::optional<Error> file_error_;
};

Status Transfer::run() {
  CURL* curl = http_.handle();
  if (!curl) return Error(Code::kInternal, "the HTTP client cannot be set up");
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
  if (file_.size() > 0) curl_easy_setopt(curl, CURLOPT_RANGE, (std::to_string(file_.size()) + "-").c_str());
  CURLcode code = curl_easy_perform(curl);
  if (file_error_) return *file_error_;
  if (code == CURLE_OK || file_changed_) return Ok{};
  return http_.error_of(code, is_late_);
}

size_t Transfer::on_body(char* data, size_t, size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  long status = transfer.answer().status();
  if (status != 200 && status != 206) return count;  // the text of a redirect or an error
  if (!transfer.in_body_ && !transfer.begin_body()) return CURL_WRITEFUNC_ERROR;
  transfer.in_body_ = true;

  PartialFile& file = transfer.file_;
  int64_t total = file.validators().bytes;
  if (file.size() + static_cast<int64_t>(count) > total) {
    transfer.file_error_ = Error(Code::kCorruptData, host_of(transfer.request_.url) + " sends more than it announced");
    return CURL_WRITEFUNC_ERROR;
  }
  Status status_of_write = file.append({data, count});
  if (!status_of_write.ok()) {
    transfer.file_error_ = std::move(status_of_write).error();
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.on_bytes_(file.size(), total);
  return count;
}

// Whether two answers are about the same bytes. Where no ETag says so (and a weak one does not: it speaks of meaning,
// RFC 9110, 8.8.1), only a digest known beforehand can tell later.
bool is_same_version(const Validators& before, const Validators& now, bool is_digest_known) {
  if (before.bytes != now.bytes || before.etag != now.etag) return false;
  bool is_strong = !now.etag.empty() && !now.etag.starts_with("W/");
  return is_strong || is_digest_known || !now.sha256.empty();
}

// Before the first byte: is this the continuation of what is there? False ends the transfer.
bool Transfer::begin_body() {
  Validators now = answer().validators();
  std::string host = host_of(request_.url);
  auto fail = [&](Error error) {
    file_error_ = std::move(error);
    return false;
  };
  if (request_.expected_bytes > 0 && now.bytes >= 0 && now.bytes != request_.expected_bytes) {
    return fail(Error(Code::kCorruptData, host + " has a file of " + std::to_string(now.bytes) + " bytes where " +
                                              std::to_string(request_.expected_bytes) + " are expected"));
  }
  // Every body has a bound: where its sender names none, the catalogue's.
  if (now.bytes < 0 && request_.expected_bytes > 0) now.bytes = request_.expected_bytes;
  if (now.bytes < 0) {
    return fail(Error(Code::kCorruptData, host + " does not say the file's length, so that whole and half look alike"));
  }
  if (answer().status() == 206) {
    bool is_continuation = answer().range_start() == file_.size();
    file_changed_ = !is_continuation || !is_same_version(file_.validators(), now, request_.is_digest_known);
    if (!file_changed_) file_.join();
    return !file_changed_;
  }
  if (file_.size() > 0) {  // ranges are not its thing
    if (Status status = file_.restart(); !status.ok()) return fail(std::move(status).error());
  }
  Status status = file_.remember(now);
  return status.ok() || fail(std::move(status).error());
}

bool is_whole(const PartialFile& file) {
  return file.validators().bytes >= 0 && file.size() == file.validators().bytes;
}

// One try. Ok(true): the file is whole.
Result<bool> try_once(const FetchRequest& request, PartialFile& file, const OnBytes& on_bytes) {
  Transfer transfer(request, file, on_bytes);
  STUDIO_CHECK_OK(transfer.run());
  long status = transfer.answer().status();
  if (transfer.file_changed() || status == 416) {
    STUDIO_CHECK_OK(file.restart());
    return false;
  }
  if (status != 200 && status != 206) return error_of_answer(transfer.answer(), host_of(request.url));
  return is_whole(file);
}

bool is_worth_another_try(const Error& error) {
  return error.code() == Code::kUnavailable && error.retry_after().value_or(milliseconds(0)) <= kMaxRetryAfter;
}

}  // namespace

Status fetch(const FetchRequest& request, PartialFile& file, const OnBytes& on_bytes) {
  if (is_whole(file)) return Ok{};
  // Progress is what goes past all that was ever had: a server that makes us start anew again and again gives none.
  int64_t furthest = file.size();
  for (int barren = 0;;) {
    auto is_done = try_once(request, file, on_bytes);
    if (is_done.ok() && *is_done) return Ok{};
    if (!is_done.ok() && !is_worth_another_try(is_done.error())) return is_done.error();
    barren = file.size() > furthest ? 0 : barren + 1;
    furthest = std::max(furthest, file.size());
    bool is_first = !is_done.ok() && file.size() == 0;
    if (barren >= (is_first ? kMaxFirstTries : kMaxBarrenTries)) {
      return is_done.ok() ? Error(Code::kUnavailable, host_of(request.url) + " changes the file under our hands")
                          : is_done.error();
    }
    milliseconds asked = is_done.ok() ? milliseconds(0) : is_done.error().retry_after().value_or(milliseconds(0));
    std::this_thread::sleep_for(std::max(asked, kFirstPause * (1 << barren)));
  }
}

}  // namespace studio::catalogue
