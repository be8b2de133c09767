// How often drafts come true, by where they were found and how long the match before them was.
//
// Counted for each sequence by itself, drafts that were only proposed included: a text that repeats nothing is known
// for it after a few tokens without having cost a pass. Old counts fade, as texts change.
#pragma once

#include <array>
#include <cstddef>

namespace studio::engine {

// Where a draft's tokens stand: behind an earlier place of the same run in the sequence itself, in its tenant's past
// outputs, or near the place where an earlier draft was left.
enum class DraftSource { kOwn, kPast, kNear };
// Whether the token stands where a form leaves open what comes. There texts differ where all around is alike: what
// comes true of keys and marks tells nothing of values.
enum class DraftPlace { kUsual, kOpen };

class Acceptance {
 public:
  // That the token behind a match of `length` tokens comes.
  float chance(DraftSource source, DraftPlace place, int length) const {
    const Count& count = counts_[index(source, place)][bucket(length)];
    const float usual = kPrior[source == DraftSource::kNear][bucket(length)];
    const float prior = place == DraftPlace::kOpen ? kOpenPrior * usual : usual;
    return (count.came + kPriorWeight * prior) / (count.tried + kPriorWeight);
  }

  void note(DraftSource source, DraftPlace place, int length, bool came) {
    Count& count = counts_[index(source, place)][bucket(length)];
    count.tried = count.tried * kFade + 1;
    count.came = count.came * kFade + (came ? 1.0f : 0.0f);
  }

 private:
  struct Count {
    float tried = 0, came = 0;
  };
  static constexpr size_t kBuckets = 10;
  static constexpr float kFade = 0.9f;  // some ten tokens are remembered
  static constexpr float kPriorWeight = 2;
  static constexpr float kOpenPrior = 0.5f;  // of the usual one: about what came of drafts in held answers
  // Where counting begins, by bucket. Near a draft that was left, the same place is the likelier one.
  static constexpr std::array<std::array<float, kBuckets>, 2> kPrior = {{
      {0.05f, 0.15f, 0.35f, 0.5f, 0.6f, 0.7f, 0.8f, 0.88f, 0.92f, 0.95f},
      {0.5f, 0.55f, 0.7f, 0.8f, 0.85f, 0.88f, 0.9f, 0.92f, 0.94f, 0.96f},
  }};

  static constexpr size_t bucket(int length) {
    constexpr std::array<int, kBuckets - 1> kLast = {0, 1, 2, 3, 4, 6, 10, 16, 32};
    size_t bucket = 0;
    while (bucket < kLast.size() && length > kLast[bucket]) ++bucket;
    return bucket;
  }
  static constexpr size_t index(DraftSource source, DraftPlace place) {
    return static_cast<size_t>(source) * 2 + static_cast<size_t>(place);
  }

  std::array<std::array<Count, kBuckets>, 6> counts_{};  // [source, place]
};

}  // namespace studio::engine
