#include "engine/templates/text.h"

#include <algorithm>

namespace studio::engine::jinja {

Text::Text(std::string bytes, Origin origin) : size_(bytes.size()) {
  if (size_ > 0) storage_ = std::make_shared<const Storage>(Storage{std::move(bytes), {}, origin});
}

Text Text::slice(size_t begin, size_t size) const {
  Text part;
  if (size == 0) return part;
  part.storage_ = storage_;
  part.offset_ = offset_ + begin;
  part.size_ = size;
  return part;
}

size_t Text::first_flip_after(size_t offset) const {
  const auto& flips = storage_->flips;
  return static_cast<size_t>(std::upper_bound(flips.begin(), flips.end(), offset) - flips.begin());
}

bool Text::is_template() const {
  if (empty()) return true;
  size_t next = first_flip_after(offset_);
  bool one_run = next == storage_->flips.size() || storage_->flips[next] >= offset_ + size_;
  return one_run && origin_before_flip(next) == Origin::kTemplate;
}

void TextBuilder::append(std::string_view bytes, Origin origin) {
  if (bytes.empty()) return;
  if (storage_.bytes.empty()) {
    storage_.first = origin;
  } else if (origin != last_) {
    storage_.flips.push_back(storage_.bytes.size());
  }
  last_ = origin;
  storage_.bytes += bytes;
}

Text TextBuilder::take() {
  Text text;
  text.size_ = storage_.bytes.size();
  if (text.size_ > 0) text.storage_ = std::make_shared<const Text::Storage>(std::move(storage_));
  storage_ = {};
  return text;
}

}  // namespace studio::engine::jinja
