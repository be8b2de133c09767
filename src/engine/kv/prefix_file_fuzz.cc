// Any bytes as a file of kept prefixes, and as one whose checksums are right (the first byte chooses): begun anew, or
// pages that are found by their tokens and have the content they were written with. Either way the file takes new
// pages, and the next life finds them.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "engine/kv/prefix_file_layout.h"

namespace {

using namespace studio::engine;
using namespace studio::engine::prefix_layout;

constexpr size_t kPageBytes = 96, kSlots = 4;
const PrefixFile::Shape kShape = {
    .identity = {7}, .page_bytes = kPageBytes, .limit_bytes = static_cast<int64_t>(file_bytes(kSlots, kPageBytes))};

void check(bool holds) {
  if (!holds) std::abort();
}

// Bytes one after the other; zeros behind the last.
class Source {
 public:
  Source(const uint8_t* data, size_t size) : rest_(data, size) {}
  bool is_empty() const { return rest_.empty(); }
  uint8_t byte() {
    uint8_t value = 0;
    fill(&value, 1);
    return value;
  }
  void fill(void* place, size_t size) {
    const size_t count = std::min(size, rest_.size());
    if (count > 0) std::memcpy(place, rest_.data(), count);
    rest_ = rest_.subspan(count);
  }

 private:
  std::span<const uint8_t> rest_;
};

// One of few pages, so that chains meet.
PrefixRecord record_of(const PrefixAddress& before, int depth, uint8_t choice) {
  std::array<TokenId, kPageTokens> ids{};
  ids.fill(choice % 3);
  return prefix_record(before, choice / 3 % 2, depth, ids);
}

// Heads of few pages over any content, with right checksums but where the bytes say otherwise.
std::vector<uint8_t> made_right(Source source) {
  std::vector<uint8_t> bytes(static_cast<size_t>(kShape.limit_bytes));
  FileHeader header{.version = kVersion,
                    .head_bytes = sizeof(Head),
                    .page_bytes = kPageBytes,
                    .slots = kSlots,
                    .file_bytes = bytes.size(),
                    .identity = kShape.identity};
  std::copy(kMagic.begin(), kMagic.end(), header.magic.begin());
  header.check = check_of(header);
  std::memcpy(bytes.data(), &header, sizeof header);
  PrefixAddress before = kShape.identity;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    uint8_t* const page = bytes.data() + pages_at(kSlots) + slot * page_stride(kPageBytes);
    source.fill(page, 8);
    const PrefixRecord record = record_of(before, static_cast<int>(slot), source.byte());
    Head head{.address = record.address,
              .before = record.before,
              .tokens = record.tokens,
              .salt = record.salt,
              .depth = record.depth,
              .content = checksum({page, kPageBytes})};
    if (source.byte() % 4 == 0) source.fill(&head, 160);  // another address, other tokens, another content
    head.check = check_of(head);
    source.fill(&head.used, sizeof head.used);
    std::memcpy(bytes.data() + kFilePage + slot * sizeof head, &head, sizeof head);
    if (source.byte() % 2 == 0) before = record.address;
  }
  return bytes;
}

// A descriptor that the file takes, to the bytes that the next life finds.
class Disk {
 public:
  explicit Disk(std::span<const uint8_t> bytes) : fd_(::memfd_create("studio_fuzz", MFD_CLOEXEC)) {
    check(fd_ >= 0 && ::pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() { ::close(fd_); }
  PrefixFile attach() const {
    auto file = PrefixFile::attach(::fcntl(fd_, F_DUPFD_CLOEXEC, 0), kShape);
    check(file.ok());
    return std::move(*file);
  }
  // The slot holds this page, by what the format says.
  void check_slot(int slot, const PrefixRecord& record, std::span<const uint8_t> page) const {
    Head head;
    check(::pread(fd_, &head, sizeof head, static_cast<off_t>(kFilePage + static_cast<size_t>(slot) * sizeof head)) ==
          static_cast<ssize_t>(sizeof head));
    check(head.address == record.address && head.before == record.before && head.tokens == record.tokens &&
          head.salt == record.salt && head.depth == record.depth);
    check(head.check == check_of(head) && head.content == checksum(page));
  }

 private:
  int fd_;
};

void check_counts(const PrefixFile& file) {
  check(file.capacity() == static_cast<int>(kSlots) && file.pages() >= 0 && file.pages() <= file.capacity());
}

std::vector<uint8_t> content_of(const PrefixRecord& record) {
  return std::vector<uint8_t>(kPageBytes, record.address[0]);
}

// Looks for every page that a chain of the few may have, and reads those that are there.
int read_chains(const Disk& disk, PrefixFile& file, const PrefixAddress& before, int depth) {
  int found = 0;
  for (uint8_t choice = 0; choice < 6; ++choice) {
    const PrefixRecord record = record_of(before, depth, choice);
    const int slot = file.find(record);
    if (slot < 0) continue;
    check(slot < file.capacity());
    std::vector<uint8_t> page(kPageBytes);
    const bool is_whole = file.read(slot, page);
    check((file.find(record) >= 0) == is_whole);
    if (is_whole) disk.check_slot(slot, record, page);
    check_counts(file);
    found += is_whole;
    if (depth < static_cast<int>(kSlots)) found += read_chains(disk, file, record.address, depth + 1);
  }
  return found;
}

void use(PrefixFile& file, Source source) {
  uint64_t used = file.last_use();
  PrefixAddress before = kShape.identity;
  int depth = 0;
  while (!source.is_empty()) {
    const uint8_t choice = source.byte();
    const PrefixRecord record = record_of(before, depth, choice);
    int slot = file.find(record);
    if (choice % 8 == 7 && slot >= 0) {
      file.drop(slot);
      check(file.find(record) < 0);
    } else if (choice % 8 == 6) {
      file.wipe_all_but(choice / 8 % 2);
    } else {
      if (slot < 0) {
        slot = file.make_room();
        file.write(slot, record, content_of(record), ++used);
      }
      file.touch(slot, ++used);
      check(file.find(record) == slot);
      before = record.address;
      depth = (depth + 1) % static_cast<int>(kSlots);
      if (depth == 0) before = kShape.identity;
    }
    check_counts(file);
  }
}

void read_all(std::span<const uint8_t> bytes, const Source& uses) {
  const Disk disk(bytes);
  int found = 0, again = 0;
  {
    PrefixFile file = disk.attach();
    check_counts(file);
    (void)read_chains(disk, file, kShape.identity, 0);
    use(file, uses);
    found = read_chains(disk, file, kShape.identity, 0);
  }
  PrefixFile file = disk.attach();
  again = read_chains(disk, file, kShape.identity, 0);
  check(again == found);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t uses = std::min<size_t>(data[1], size - 2);
  const std::span<const uint8_t> rest(data + 2 + uses, size - 2 - uses);
  if (data[0] % 2 == 0) {
    read_all(rest, {data + 2, uses});
  } else {
    read_all(made_right({rest.data(), rest.size()}), {data + 2, uses});
  }
  return 0;
}
