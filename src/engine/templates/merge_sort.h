// A stable sort for orders that come from templates: stays within bounds whatever the order answers (NaN is less than
// nothing and not equal to anything), which std::sort does not promise, and may be left by an exception.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace studio::engine::jinja {

template <typename T, typename Less>
void merge_sort(std::vector<T>& items, Less&& less) {
  std::vector<T> merged;
  merged.reserve(items.size());
  for (size_t run = 1; run < items.size(); run *= 2) {
    for (size_t begin = 0; begin < items.size(); begin += 2 * run) {
      size_t middle = std::min(begin + run, items.size()), end = std::min(begin + 2 * run, items.size());
      for (size_t left = begin, right = middle; left < middle || right < end;) {
        bool take_right = left == middle || (right < end && less(items[right], items[left]));
        merged.push_back(std::move(items[take_right ? right++ : left++]));
      }
    }
    items.swap(merged);
    merged.clear();
  }
}

}  // namespace studio::engine::jinja
