#include "api/kept/kept_answers.h"

#include <algorithm>

#include "base/log.h"

namespace studio::api {
namespace {

using std::chrono::milliseconds;

// While there are answers; what is let go of so much late costs nobody anything.
constexpr milliseconds kUpkeepEvery{500};
// Old records cost disk alone.
constexpr std::chrono::minutes kRecordsEvery{10};

void add_part(Sha256& digest, std::string_view part) {
  digest.update(std::to_string(part.size()) + ":");
  digest.update(part);
}

// Of what was asked: who comes back must ask the same.
Sha256Digest digest_of(const http::Request& request, const KeptWording& wording, std::string_view asked) {
  Sha256 digest;
  add_part(digest, http::method_name(request.method));
  add_part(digest, request.path);
  add_part(digest, asked);
  for (const char* name : wording.fields) {
    const std::string* value = request.fields.find(name);
    add_part(digest, value ? http::trim_blanks(*value) : std::string_view());
  }
  return digest.finish();
}

int64_t to_ms(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}

std::chrono::system_clock::time_point from_ms(int64_t ms) {
  return std::chrono::system_clock::time_point(milliseconds(ms));
}

Status check_same(const KeptRecord& record, const Sha256Digest& asked, const Wish& wish) {
  if (record.request != asked) {
    return Error(Code::kConflict, std::string(wish.named_by()) +
                                      " names the answer to another request: it is had by the same path and the same "
                                      "body alone. A new request needs a new Idempotency-Key, or none.")
        .with_param(wish.named_by());
  }
  if (record.is_cancelled) {
    return Error(Code::kConflict,
                 "This answer was cancelled, because nobody had been reading it for too long. Send the request anew, "
                 "with another Idempotency-Key.");
  }
  return Ok{};
}

}  // namespace

KeptAnswers::KeptAnswers(std::shared_ptr<KeptRecords> records, KeptLimits limits)
    : records_(std::move(records)), limits_(limits) {
  bytes_.most = limits_.bytes;
  bytes_.most_of_answer = limits_.bytes_of_answer;
  drop_old_records();
  upkeep_ = std::thread([this] { upkeep(); });
}

KeptAnswers::~KeptAnswers() {
  stop();
  upkeep_.join();
}

void KeptAnswers::stop() {
  std::vector<std::shared_ptr<KeptAnswer>> running;
  {
    std::scoped_lock lock(mutex_);
    is_stopping_ = true;
    for (const auto& [id, entry] : by_id_) running.push_back(entry->answer);
  }
  wake_.notify_all();
  for (const auto& answer : running) answer->cancel();
}

// ---- serving

void KeptAnswers::serve(const std::shared_ptr<http::Exchange>& exchange, const KeptWording& wording,
                        const http::Handler& make) {
  serve(exchange, wording, make, exchange->request().body);
}

void KeptAnswers::serve(const std::shared_ptr<http::Exchange>& exchange, const KeptWording& wording,
                        const http::Handler& make, std::string_view asked) {
  const http::Request& request = exchange->request();
  const auto refuse = [&](const Error& error) {
    http::Response refusal = wording.refusal(error, request.request_id);
    if (error.code() == Code::kConflict) refusal.fields.add(kShouldRetryField, "false");
    exchange->respond(std::move(refusal));
  };
  const auto wish = read_wish(request, wording.numbers);
  if (!wish.ok()) return refuse(wish.error());
  if (!wish->is_kept) return make(exchange);
  auto opened = find_or_open(request, *wish, wording, digest_of(request, wording, asked));
  if (!opened.ok()) return refuse(opened.error());
  const EntryPtr entry = opened->entry;
  if (!entry->answer->attach({.exchange = exchange,
                              .after = wish->after.value_or(0),
                              .has_id_lines = wish->has_id_lines,
                              .is_replay = !opened->is_new || entry->is_on_record})) {
    return refuse(Error(Code::kUnavailable,
                        "The events that you lack are not in memory any more; when the answer has ended it can be made "
                        "again.")
                      .with_retry_after(std::chrono::seconds(1)));
  }
  if (wish->goes_on()) {
    log::info("answer.gone_on_with", {{"request_id", request.request_id},
                                      {"answer_id", entry->record.answer_id},
                                      {"after", wish->after.value_or(0)},
                                      {"is_made_again", opened->is_new}});
  }
  if (!opened->is_new) return;
  http::Request made = request;
  made.request_id = entry->record.answer_id;
  made.arrived_at = from_ms(entry->record.arrived_at_ms);
  make(entry->answer->made_through(std::move(made)));
}

Result<KeptAnswers::Opened> KeptAnswers::find_or_open(const http::Request& request, const Wish& wish,
                                                      const KeptWording& wording, const Sha256Digest& asked) {
  const auto known = [&]() -> EntryPtr {
    EntryPtr entry = find(request.principal, wish);
    if (!entry || !entry->answer->is_over()) return entry;
    if (!entry->answer->is_cut() && !entry->answer->lacks(wish.after.value_or(0))) return entry;
    forget(*entry);  // what it has let go of, or never came to, is made again
    return nullptr;
  };
  {
    std::scoped_lock lock(mutex_);
    if (EntryPtr entry = known()) {
      STUDIO_CHECK_OK(check_same(entry->record, asked, wish));
      return Opened{std::move(entry)};
    }
  }
  STUDIO_TRY(auto record, find_record(request.principal, wish));
  if (record) STUDIO_CHECK_OK(check_same(*record, asked, wish));
  if (!record && wish.goes_on()) {
    return Error(Code::kNotFound, "No answer is kept under this id; it may be too old, or another key's.");
  }
  const bool is_on_record = record.has_value();
  if (!record) {
    record = KeptRecord{.answer_id = request.request_id,
                        .key_id = request.principal,
                        .idempotency = wish.idempotency,
                        .request = asked,
                        .arrived_at_ms = to_ms(request.arrived_at)};
  }
  std::scoped_lock lock(mutex_);
  // Another request for the same may have been here meanwhile.
  Wish same = wish;
  if (is_on_record) same.answer_id = record->answer_id;
  if (EntryPtr entry = find(request.principal, same)) {
    STUDIO_CHECK_OK(check_same(entry->record, asked, wish));
    return Opened{std::move(entry)};
  }
  return Opened{open(std::move(*record), is_on_record, wording), true};
}

KeptAnswers::EntryPtr KeptAnswers::find(const std::string& key_id, const Wish& wish) const {
  if (!wish.answer_id.empty()) {
    const auto found = by_id_.find(wish.answer_id);
    return found == by_id_.end() || found->second->record.key_id != key_id ? nullptr : found->second;
  }
  if (!wish.idempotency) return nullptr;
  const auto found = by_idempotency_.find({key_id, *wish.idempotency});
  return found == by_idempotency_.end() ? nullptr : found->second;
}

Result<std::optional<KeptRecord>> KeptAnswers::find_record(const std::string& key_id, const Wish& wish) {
  if (!records_) return std::optional<KeptRecord>();
  if (!wish.answer_id.empty()) return records_->find(key_id, wish.answer_id);
  if (wish.idempotency) return records_->find(key_id, *wish.idempotency);
  return std::optional<KeptRecord>();
}

KeptAnswers::EntryPtr KeptAnswers::open(KeptRecord record, bool is_on_record, const KeptWording& wording) {
  auto entry = std::make_shared<Entry>();
  entry->answer =
      std::make_shared<KeptAnswer>(KeptAnswer::Options{.answer_id = record.answer_id,
                                                       .numbers = wording.numbers,
                                                       .bytes = &bytes_,
                                                       .on_refused = [this, id = record.answer_id] { forget(id); },
                                                       .render_error = wording.refusal});
  entry->is_on_record = is_on_record;
  entry->record = std::move(record);
  by_id_[entry->record.answer_id] = entry;
  if (entry->record.idempotency) by_idempotency_[{entry->record.key_id, *entry->record.idempotency}] = entry;
  wake_.notify_all();  // it slept while there was nothing
  return entry;
}

void KeptAnswers::forget(const std::string& answer_id) {
  std::scoped_lock lock(mutex_);
  const auto found = by_id_.find(answer_id);
  if (found == by_id_.end()) return;
  const EntryPtr entry = found->second;
  forget(*entry);
}

void KeptAnswers::forget(const Entry& entry) {
  if (entry.record.idempotency) by_idempotency_.erase({entry.record.key_id, *entry.record.idempotency});
  by_id_.erase(entry.record.answer_id);
}

// ---- of who makes an answer

Result<KeptAnswers::Run> KeptAnswers::admit(const std::string& answer_id, const std::function<Sha256Digest()>& inputs) {
  EntryPtr entry;
  {
    std::scoped_lock lock(mutex_);
    const auto found = by_id_.find(answer_id);
    if (found == by_id_.end()) return Run::kUnkept;
    entry = found->second;
  }
  const Sha256Digest digest = inputs();
  KeptRecord record;
  {
    std::scoped_lock lock(mutex_);
    if (entry->is_on_record && entry->record.inputs == digest) return Run::kAgain;
    if (entry->is_on_record) {
      return Error(Code::kConflict,
                   "This answer cannot be gone on with: the model or the server is not the one that began it. Send the "
                   "request anew, with another Idempotency-Key.");
    }
    entry->record.inputs = digest;
    record = entry->record;
  }
  if (records_) STUDIO_CHECK_OK(add_record(record));
  std::scoped_lock lock(mutex_);
  entry->is_on_record = true;
  return Run::kFirst;
}

Status KeptAnswers::add_record(const KeptRecord& record) {
  {
    std::scoped_lock lock(mutex_);
    if (counts_[record.key_id] >= limits_.of_key) {
      return Error(Code::kQuotaExceeded,
                   "This key has " + std::to_string(limits_.of_key) +
                       " answers on record, which is the most it may have; each is let go after " +
                       std::to_string(limits_.on_record.count()) + " hours.");
    }
    if (count_ >= limits_.of_all) {
      return Error(Code::kOverloaded,
                   "Too many answers are on record; send the request without Idempotency-Key and "
                   "X-Studio-Resume.");
    }
    ++counts_[record.key_id];
    ++count_;
  }
  Status added = records_->add(record);
  if (added.ok()) return added;
  std::scoped_lock lock(mutex_);
  --counts_[record.key_id];
  --count_;
  return added;
}

bool KeptAnswers::is_again(const std::string& answer_id) const {
  std::scoped_lock lock(mutex_);
  const auto found = by_id_.find(answer_id);
  return found != by_id_.end() && found->second->is_on_record;
}

void KeptAnswers::drop(const std::string& answer_id) {
  forget(answer_id);
  if (!records_) return;
  if (Status removed = records_->remove(answer_id); !removed.ok()) {
    log::error("kept.record_failed", {{"request_id", answer_id}, {"why", removed.error().message()}});
  }
}

bool KeptAnswers::end(const std::string& answer_id, End end) {
  {
    std::scoped_lock lock(mutex_);
    if (!by_id_.contains(answer_id)) return true;
    if (is_stopping_ && records_ && end == End::kCancelled) return false;
  }
  if (end == End::kWhole) return true;
  if (records_) {
    Status written = end == End::kFailed ? records_->remove(answer_id) : records_->mark_cancelled(answer_id);
    if (!written.ok())
      log::error("kept.record_failed", {{"request_id", answer_id}, {"why", written.error().message()}});
  }
  forget(answer_id);
  return true;
}

// ---- upkeep

void KeptAnswers::upkeep() {
  auto records_due = std::chrono::steady_clock::now() + kRecordsEvery;
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    const milliseconds busy = std::min(kUpkeepEvery, limits_.grace / 4 + milliseconds(1));
    wake_.wait_for(lock, by_id_.empty() ? milliseconds(kRecordsEvery) : busy);
    if (is_stopping_) return;
    lock.unlock();
    cancel_abandoned();
    drop_idle();
    if (std::chrono::steady_clock::now() >= records_due) {
      drop_old_records();
      records_due = std::chrono::steady_clock::now() + kRecordsEvery;
    }
    lock.lock();
  }
}

void KeptAnswers::cancel_abandoned() {
  const auto since = std::chrono::steady_clock::now() - limits_.grace;
  std::vector<std::shared_ptr<KeptAnswer>> abandoned;
  {
    std::scoped_lock lock(mutex_);
    for (const auto& [id, entry] : by_id_) {
      const KeptAnswer& answer = *entry->answer;
      if (!answer.is_over() && !answer.is_read() && answer.idle_since() < since) abandoned.push_back(entry->answer);
    }
  }
  for (const auto& answer : abandoned) answer->cancel();
}

// What has been over for long; and where room runs out, what has been so for longest.
void KeptAnswers::drop_idle() {
  const auto since = std::chrono::steady_clock::now() - limits_.in_memory;
  std::vector<std::pair<KeptAnswer::Clock::time_point, EntryPtr>> idle;
  std::scoped_lock lock(mutex_);
  for (const auto& [id, entry] : by_id_) {
    const KeptAnswer& answer = *entry->answer;
    if (answer.is_over() && !answer.is_read()) idle.emplace_back(answer.idle_since(), entry);
  }
  std::ranges::sort(idle, {}, [](const auto& pair) { return pair.first; });
  for (auto& [when, entry] : idle) {
    if (when > since && bytes_.held < limits_.bytes / 4 * 3) break;
    forget(*entry);
    entry.reset();  // its bytes go with it, unless another holds it for a moment
  }
}

void KeptAnswers::drop_old_records() {
  if (!records_) return;
  const auto until = std::chrono::system_clock::now() - limits_.on_record;
  Status removed = records_->remove_before(to_ms(until));
  auto counts = records_->count_by_key();
  if (!removed.ok() || !counts.ok()) {
    const Error& error = removed.ok() ? counts.error() : removed.error();
    return log::error("kept.records_failed", {{"why", error.message()}, {"detail", error.detail().text}});
  }
  std::scoped_lock lock(mutex_);
  counts_ = std::move(*counts);
  count_ = 0;
  for (const auto& [key, count] : counts_) count_ += count;
}

}  // namespace studio::api
