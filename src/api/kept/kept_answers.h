// The answers that outlive their clients' connections: found again by who asked, made again after a restart, let go in
// time.
//
// An answer is in memory while it is made and for a while after; its record (records.h) is durable from before its
// first event. Who comes back finds the events in memory, or the answer is made again under its old id: same inputs,
// same tokens, same events, of which the client gets those that it lacks. Where the inputs are not the same any more
// (another model, another version) it is a conflict, and no byte of another answer is sent.
//
// Rules: one key's answers are nobody else's (not_found). The same request again, or none (conflict). What was refused
// or failed is not kept: the next request begins anew. What was cancelled, because nobody read it for the grace time,
// stays so.
// Threads: any; serve(), admit() and end() may block for a commit. A thread of its own lets go of what is due.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "api/kept/kept_answer.h"
#include "api/kept/records.h"
#include "api/kept/wish.h"
#include "http/router.h"

namespace studio::api {

struct KeptLimits {
  // A phone in a tunnel, a laptop's lid: longer than a network change, short beside what a forgotten answer costs.
  std::chrono::milliseconds grace{60'000};
  // Retries come within seconds to minutes; later ones cost a run.
  std::chrono::milliseconds in_memory{600'000};
  std::chrono::hours on_record{24};  // what others promise of idempotency keys
  size_t bytes = 256 << 20;          // of events in memory, all answers together: 100,000 ordinary tokens are 25 MiB
  size_t bytes_of_answer = 8 << 20;  // 32,000 tokens as events
  int64_t of_key = 100'000;          // records of one key: more than one a second all day
  int64_t of_all = 1'000'000;        // 300 MB of disk
};

// How a dialect's answers are kept.
struct KeptWording {
  EventNumbers numbers = EventNumbers::kIdLines;
  std::span<const char* const> fields;  // of a request's head, whose values change the answer
  http::Response (*refusal)(const Error& error, const std::string& request_id) = nullptr;
};

class KeptAnswers {
 public:
  // Without records nothing outlives the process.
  explicit KeptAnswers(std::shared_ptr<KeptRecords> records, KeptLimits limits = {});
  ~KeptAnswers();  // stop()

  // Answers the exchange by `make`, at once where its request wishes for nothing of this, or by what is kept.
  // `asked` stands for a body that is not in the request: what two requests must have in common to be the same.
  void serve(const std::shared_ptr<http::Exchange>& exchange, const KeptWording& wording, const http::Handler& make);
  void serve(const std::shared_ptr<http::Exchange>& exchange, const KeptWording& wording, const http::Handler& make,
             std::string_view asked);

  // What is made is cancelled, and goes on after the next start, when its client comes back. Idempotent.
  void stop();

  // For who makes an answer, before anything of it is begun.
  enum class Run { kUnkept, kFirst, kAgain };
  // `inputs` gives a digest of all that its tokens follow from, where that is asked for. Errors: conflict where an
  // answer that is made again has others, quota_exceeded, overloaded, unavailable where the record cannot be written.
  Result<Run> admit(const std::string& answer_id, const std::function<Sha256Digest()>& inputs);

  // Whether this answer was begun before: what it made may be there, under ids that follow from its own.
  bool is_again(const std::string& answer_id) const;

  enum class End { kWhole, kFailed, kCancelled };
  // When it is over, before its usage is recorded. False where it is not over at all: the server stops, and the answer
  // will be made again.
  bool end(const std::string& answer_id, End end);
  // Its client had what it made removed: nobody goes on with it, and its Idempotency-Key begins anew. No effect where
  // there is no such answer.
  void drop(const std::string& answer_id);

 private:
  struct Entry {
    std::shared_ptr<KeptAnswer> answer;
    KeptRecord record;
    bool is_on_record = false;
  };
  using EntryPtr = std::shared_ptr<Entry>;
  using IdempotencyName = std::pair<std::string, Sha256Digest>;  // of one key
  struct Opened {
    EntryPtr entry;
    bool is_new = false;
  };

  Result<Opened> find_or_open(const http::Request& request, const Wish& wish, const KeptWording& wording,
                              const Sha256Digest& asked);
  EntryPtr find(const std::string& key_id, const Wish& wish) const;  // with mutex_ held
  Result<std::optional<KeptRecord>> find_record(const std::string& key_id, const Wish& wish);
  EntryPtr open(KeptRecord record, bool is_on_record, const KeptWording& wording);  // with mutex_ held
  void forget(const std::string& answer_id);
  void forget(const Entry& entry);  // with mutex_ held
  Status add_record(const KeptRecord& record);

  void upkeep();
  void cancel_abandoned();
  void drop_idle();
  void drop_old_records();

  const std::shared_ptr<KeptRecords> records_;
  const KeptLimits limits_;
  KeptBytes bytes_;  // outlives the answers

  mutable std::mutex mutex_;  // of everything below; never held while records are written or an answer is told
  std::map<std::string, EntryPtr> by_id_;
  std::map<IdempotencyName, EntryPtr> by_idempotency_;
  std::map<std::string, int64_t> counts_;  // records of each key
  int64_t count_ = 0;
  bool is_stopping_ = false;
  std::condition_variable wake_;
  std::thread upkeep_;
};

}  // namespace studio::api
