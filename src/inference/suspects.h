// Which requests may be what stops workers, and which are known to be.
//
// A worker that stops takes all its streams with it, and nobody knows which of them was the cause. Each request that it
// was computing becomes a suspect and is tried: resumed as the only one of unproven innocence. Computing is
// deterministic, so the guilty one stops the worker at the same place again, and is convicted: refused for a while.
// One that gets past the place is acquitted. See docs/decisions/012_suspects_are_tried.md.
//
// A request is known by a digest of prompt and parameters without its seed; no text is kept. Not thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <optional>

#include "base/digest.h"
#include "inference/model_client.h"

namespace studio::inference {

using Fingerprint = Sha256Digest;
Fingerprint fingerprint_of(const TokenRequest& request);

class Suspects {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Long enough that a client's retries are over and a person has looked; short enough that a fixed worker is not kept
  // from its work by an old verdict.
  static constexpr std::chrono::minutes kQuarantine{10};
  // A suspicion that nothing came of: every suspect is tried, so this is for those that never could be.
  static constexpr std::chrono::minutes kForget{1};
  // 100 bytes each. Of a larger crowd the oldest go free, those that are only suspected first.
  static constexpr size_t kMaxRecords = 1024;
  // Tokens past the place of the stop that we know of: the one that was being computed, and those whose events were
  // under way and died with the worker; on a busy machine that is several.
  static constexpr int kTokensToPass = 12;
  // The same for an answer that loses its worker again: one that stops workers a little further each time does not get
  // far.
  static constexpr int kTokensToPassAgain = 32;

  // A worker stopped; this request was `place` tokens into its answer.
  void suspect(const Fingerprint& print, int place, Time now);
  void convict(const Fingerprint& print, Time now);
  void acquit(const Fingerprint& print);

  bool empty() const { return records_.empty(); }
  bool is_suspect(const Fingerprint& print, Time now) const;
  // How many tokens an answer must come to before it is acquitted that has lost its worker so often.
  int tokens_to_pass(const Fingerprint& print, int losses) const;
  // Whether an answer that was ended at so many tokens has shown enough.
  bool is_past(const Fingerprint& print, int tokens) const;
  // For how long it is refused from now; nullopt where it is not.
  std::optional<std::chrono::milliseconds> quarantined_for(const Fingerprint& print, Time now) const;

 private:
  struct Record {
    bool is_suspect = false, is_convicted = false;
    int place = 0;
    Time until;  // forgotten, or set free
  };
  Record& record(const Fingerprint& print, Time now);

  std::map<Fingerprint, Record> records_;
};

}  // namespace studio::inference
