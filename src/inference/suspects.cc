#include "inference/suspects.h"

#include <algorithm>

#include "inference/token_protocol.h"

namespace studio::inference {

Fingerprint fingerprint_of(const TokenRequest& request) {
  TokenRequest same = request;
  same.request_id.clear();
  same.sequence.resume.clear();
  same.sequence.sampling.seed = 0;
  same.sequence.sampling.stream = 0;
  same.sequence.deadline = std::chrono::steady_clock::time_point::max();
  return sha256(encode_request(same));
}

Suspects::Record& Suspects::record(const Fingerprint& print, Time now) {
  std::erase_if(records_, [now](const auto& entry) { return entry.second.until <= now; });
  if (records_.size() >= kMaxRecords && !records_.contains(print)) {
    auto first_to_go = std::min_element(records_.begin(), records_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second.is_convicted, a.second.until) < std::pair(b.second.is_convicted, b.second.until);
    });
    records_.erase(first_to_go);
  }
  return records_[print];
}

void Suspects::suspect(const Fingerprint& print, int place, Time now) {
  Record& entry = record(print, now);
  if (entry.is_convicted) return;
  entry.place = entry.is_suspect ? std::max(entry.place, place) : place;
  entry.is_suspect = true;
  entry.until = now + kForget;
}

void Suspects::convict(const Fingerprint& print, Time now) {
  Record& entry = record(print, now);
  entry.is_suspect = false;
  entry.is_convicted = true;
  entry.until = now + kQuarantine;
}

void Suspects::acquit(const Fingerprint& print) {
  auto found = records_.find(print);
  if (found != records_.end() && !found->second.is_convicted) records_.erase(found);
}

bool Suspects::is_suspect(const Fingerprint& print, Time now) const {
  auto found = records_.find(print);
  return found != records_.end() && found->second.is_suspect && found->second.until > now;
}

int Suspects::tokens_to_pass(const Fingerprint& print, int losses) const {
  auto found = records_.find(print);
  if (found == records_.end()) return 0;
  return found->second.place + (losses > 1 ? kTokensToPassAgain : kTokensToPass);
}

bool Suspects::is_past(const Fingerprint& print, int tokens) const {
  auto found = records_.find(print);
  return found == records_.end() || tokens >= found->second.place + kTokensToPass;
}

std::optional<std::chrono::milliseconds> Suspects::quarantined_for(const Fingerprint& print, Time now) const {
  auto found = records_.find(print);
  if (found == records_.end() || !found->second.is_convicted || found->second.until <= now) return std::nullopt;
  return std::chrono::ceil<std::chrono::milliseconds>(found->second.until - now);
}

}  // namespace studio::inference
