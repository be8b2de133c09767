#include "base/nearest_name.h"

#include <algorithm>
#include <vector>

namespace studio {
namespace {

constexpr size_t kMaxNameBytes = 128;  // nothing longer is a slip of the fingers; bounds the quadratic work

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  // rows[i][j]: a's first i characters into b's first j; three rows suffice because a swap looks two back.
  std::vector<int> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      int replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string nearest_name(std::string_view name, std::span<const std::string> known) {
  if (name.empty() || name.size() > kMaxNameBytes) return {};
  int limit = std::max(2, static_cast<int>(name.size()) / 3);
  std::string best;
  for (const std::string& candidate : known) {
    int distance = edit_distance(name, candidate);
    if (distance > limit || distance >= static_cast<int>(candidate.size())) continue;
    limit = distance - 1;  // only something nearer replaces it
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> known) {
  std::string nearest = nearest_name(name, known);
  return nearest.empty() ? "" : "; did you mean '" + nearest + "'?";
}

}  // namespace studio
