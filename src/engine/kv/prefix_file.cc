#include "engine/kv/prefix_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

#include "engine/kv/prefix_file_layout.h"

namespace studio::engine {
namespace {

using namespace prefix_layout;

constexpr uint64_t kLastUse = uint64_t{1} << 62;  // uses are counted on from what a file says

int slots_within(const PrefixFile::Shape& shape) {
  const auto limit = static_cast<size_t>(std::max<int64_t>(0, shape.limit_bytes));
  size_t slots = std::min<size_t>(limit / (page_stride(shape.page_bytes) + sizeof(Head)), kMaxPrefixFilePages);
  while (slots > 0 && file_bytes(slots, shape.page_bytes) > limit) --slots;
  return static_cast<int>(slots);
}

// What was stored before stands in memory before what is stored after: a killed process leaves all of the former.
void keep_order() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

Error no_room(const char* what, int reason) {
  return Error(Code::kUnavailable, std::string("the prefix file cannot be ") + what + ": " + std::strerror(reason));
}

}  // namespace

PrefixRecord prefix_record(const PrefixAddress& before, uint64_t salt, int depth, std::span<const TokenId> tokens) {
  PrefixRecord record{.before = before, .salt = salt, .depth = depth};
  std::ranges::copy(tokens, record.tokens.begin());
  Sha256 digest;
  auto add = [&](const auto& value) { digest.update({reinterpret_cast<const char*>(&value), sizeof value}); };
  add(record.before);
  add(record.salt);
  add(record.tokens);
  record.address = digest.finish();
  return record;
}

size_t PrefixFile::FirstBytes::operator()(const PrefixAddress& address) const {
  size_t bytes = 0;
  std::memcpy(&bytes, address.data(), sizeof bytes);
  return bytes;
}

Result<PrefixFile> PrefixFile::attach(int descriptor, const Shape& shape) {
  PrefixFile file(descriptor, shape, slots_within(shape));
  if (file.capacity() == 0) {
    return Error(Code::kInvalidArgument, "a prefix file of " + std::to_string(shape.limit_bytes) +
                                             " bytes has no room for a page of " + std::to_string(shape.page_bytes));
  }
  const size_t bytes = file_bytes(file.slots_.size(), shape.page_bytes);
  struct stat status{};
  const bool has_our_size = ::fstat(descriptor, &status) == 0 && static_cast<size_t>(status.st_size) == bytes;
  if (!has_our_size && ::ftruncate(descriptor, 0) != 0) return no_room("emptied", errno);
  // Holes too: a store into one that finds the disk full would be a signal.
  if (const int error = ::posix_fallocate(descriptor, 0, static_cast<off_t>(bytes)); error != 0) {
    if (!has_our_size) (void)!::ftruncate(descriptor, 0);
    return no_room("as long as it may", error);
  }
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return no_room("mapped", errno);
  file.mapping_ = {static_cast<uint8_t*>(memory), bytes};
  if (has_our_size && file.has_our_header()) {
    file.read_heads();
  } else {
    file.begin_anew();
  }
  return file;
}

PrefixFile::PrefixFile(int descriptor, const Shape& shape, int slots)
    : descriptor_(descriptor), shape_(shape), slots_(static_cast<size_t>(slots)) {
  empty_.reserve(slots_.size());
}

PrefixFile::PrefixFile(PrefixFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      shape_(other.shape_),
      mapping_(std::exchange(other.mapping_, {})),
      slots_(std::move(other.slots_)),
      empty_(std::move(other.empty_)),
      index_(std::move(other.index_)),
      damaged_(other.damaged_) {}

PrefixFile::~PrefixFile() {
  if (!mapping_.empty()) ::munmap(mapping_.data(), mapping_.size());
  if (descriptor_ >= 0) ::close(descriptor_);
}

uint8_t* PrefixFile::head_of(int slot) const {
  return mapping_.data() + kFilePage + static_cast<size_t>(slot) * sizeof(Head);
}

uint8_t* PrefixFile::page_of(int slot) const {
  return mapping_.data() + pages_at(slots_.size()) + static_cast<size_t>(slot) * page_stride(shape_.page_bytes);
}

bool PrefixFile::has_our_header() const {
  FileHeader header;
  std::memcpy(&header, mapping_.data(), sizeof header);
  return std::ranges::equal(header.magic, kMagic) && header.version == kVersion && header.head_bytes == sizeof(Head) &&
         header.page_bytes == shape_.page_bytes && header.slots == slots_.size() &&
         header.file_bytes == mapping_.size() && header.identity == shape_.identity && header.check == check_of(header);
}

void PrefixFile::begin_anew() {
  std::memset(mapping_.data(), 0, pages_at(slots_.size()));
  keep_order();
  FileHeader header{.version = kVersion,
                    .head_bytes = sizeof(Head),
                    .page_bytes = shape_.page_bytes,
                    .slots = slots_.size(),
                    .file_bytes = mapping_.size(),
                    .identity = shape_.identity};
  std::ranges::copy(kMagic, header.magic.begin());
  header.check = check_of(header);
  std::memcpy(mapping_.data(), &header, sizeof header);
  for (int slot = capacity() - 1; slot >= 0; --slot) empty_.push_back(slot);
}

void PrefixFile::read_heads() {
  for (int slot = capacity() - 1; slot >= 0; --slot) {
    Head head;
    std::memcpy(&head, head_of(slot), sizeof head);
    if (head.check != check_of(head) || !index_.emplace(head.address, slot).second) {
      std::memset(head_of(slot), 0, sizeof head);  // or the next life takes it in the place of its double
      empty_.push_back(slot);
      continue;
    }
    slots_[static_cast<size_t>(slot)] = {.record = {.address = head.address,
                                                    .before = head.before,
                                                    .salt = head.salt,
                                                    .depth = head.depth,
                                                    .tokens = head.tokens},
                                         .content = head.content,
                                         .used = std::min(head.used, kLastUse),
                                         .is_filled = true};
    // Read ahead while the model loads; where the machine was not restarted, it is in memory already.
    const size_t begin = static_cast<size_t>(page_of(slot) - mapping_.data()) / kFilePage * kFilePage;
    (void)::madvise(mapping_.data() + begin, shape_.page_bytes, MADV_WILLNEED);
  }
}

uint64_t PrefixFile::last_use() const {
  uint64_t last = 0;
  for (const Slot& slot : slots_) last = std::max(last, slot.used);
  return last;
}

int PrefixFile::find(const PrefixRecord& record) const {
  const auto found = index_.find(record.address);
  if (found == index_.end() || slots_[static_cast<size_t>(found->second)].record != record) return -1;
  return found->second;
}

bool PrefixFile::read(int slot, std::span<uint8_t> page) {
  std::memcpy(page.data(), page_of(slot), page.size());
  if (checksum(page) == slots_[static_cast<size_t>(slot)].content) return true;
  ++damaged_;
  drop(slot);
  return false;
}

int PrefixFile::make_room() {
  if (empty_.empty()) {
    const auto worth = [](const Slot& slot) { return std::tuple(slot.used, -int64_t{slot.record.depth}); };
    drop(static_cast<int>(std::ranges::min_element(slots_, {}, worth) - slots_.begin()));
  }
  const int slot = empty_.back();
  empty_.pop_back();
  return slot;
}

void PrefixFile::write(int slot, const PrefixRecord& record, std::span<const uint8_t> page, uint64_t used) {
  // A foreign file may hold another record under this address.
  if (const auto other = index_.find(record.address); other != index_.end()) drop(other->second);
  std::memcpy(page_of(slot), page.data(), page.size());
  keep_order();
  Head head{.address = record.address,
            .before = record.before,
            .tokens = record.tokens,
            .salt = record.salt,
            .depth = record.depth,
            .content = checksum(page),
            .used = used};
  std::memcpy(head_of(slot), &head, sizeof head);  // not whole yet: it has no check
  keep_order();
  head.check = check_of(head);
  std::memcpy(head_of(slot) + offsetof(Head, check), &head.check, sizeof head.check);
  slots_[static_cast<size_t>(slot)] = {.record = record, .content = head.content, .used = used, .is_filled = true};
  index_[record.address] = slot;
}

void PrefixFile::touch(int slot, uint64_t used) {
  slots_[static_cast<size_t>(slot)].used = used;
  std::memcpy(head_of(slot) + offsetof(Head, used), &used, sizeof used);
}

void PrefixFile::drop(int slot) {
  std::memset(head_of(slot), 0, sizeof(Head));
  keep_order();
  Slot& dropped = slots_[static_cast<size_t>(slot)];
  index_.erase(dropped.record.address);
  dropped = {};
  empty_.push_back(slot);
}

void PrefixFile::wipe_all_but(uint64_t salt) {
  for (int slot = 0; slot < capacity(); ++slot) {
    const Slot& kept = slots_[static_cast<size_t>(slot)];
    if (!kept.is_filled || kept.record.salt == salt) continue;
    std::memset(page_of(slot), 0, shape_.page_bytes);
    drop(slot);
  }
}

}  // namespace studio::engine
