// Text: an immutable UTF-8 string that knows, byte by byte, whether the template or the caller wrote it.
//
// Storage is shared: slices and copies cost no bytes. Origins are runs, kept as the offsets where they change; most
// texts have one run. Cuts fall between characters only, so every text is valid UTF-8.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace studio::engine::jinja {

enum class Origin : bool { kData, kTemplate };

class Text {
 public:
  Text() = default;
  Text(std::string bytes, Origin origin);

  std::string_view view() const {
    return storage_ ? std::string_view(storage_->bytes).substr(offset_, size_) : std::string_view();
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  Text slice(size_t begin, size_t size) const;
  // A part of view(), as the text it is.
  Text slice(std::string_view part) const {
    return part.empty() ? Text() : slice(static_cast<size_t>(part.data() - view().data()), part.size());
  }

  // Whether every byte is the template's. True for the empty text.
  bool is_template() const;

  // f(std::string_view run, Origin), in order; runs are not empty and alternate.
  template <typename F>
  void for_each_run(F&& f) const {
    if (empty()) return;
    size_t next = first_flip_after(offset_);
    Origin origin = origin_before_flip(next);
    for (size_t begin = offset_, last = offset_ + size_; begin < last;) {
      size_t end = next < storage_->flips.size() ? std::min(storage_->flips[next], last) : last;
      f(std::string_view(storage_->bytes).substr(begin, end - begin), origin);
      origin = Origin{origin == Origin::kData};
      begin = end;
      ++next;
    }
  }

  bool operator==(const Text& other) const { return view() == other.view(); }

 private:
  friend class TextBuilder;
  struct Storage {
    std::string bytes;
    std::vector<size_t> flips;  // ascending offsets where the origin changes
    Origin first = Origin::kData;
  };

  size_t first_flip_after(size_t offset) const;
  Origin origin_before_flip(size_t index) const {
    return Origin{(storage_->first == Origin::kTemplate) != (index % 2 == 1)};
  }

  std::shared_ptr<const Storage> storage_;
  size_t offset_ = 0;
  size_t size_ = 0;
};

class TextBuilder {
 public:
  void append(std::string_view bytes, Origin origin);
  void append(const Text& text) {
    text.for_each_run([this](std::string_view run, Origin origin) { append(run, origin); });
  }

  size_t size() const { return storage_.bytes.size(); }
  Text take();

 private:
  Text::Storage storage_;
  Origin last_ = Origin::kData;
};

}  // namespace studio::engine::jinja
