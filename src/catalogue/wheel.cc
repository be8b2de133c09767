#include "catalogue/wheel.h"

#include <algorithm>
#include <filesystem>

#include "base/subprocess.h"
#include "catalogue/wheel_reader.h"

namespace studio::catalogue {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxMemberBytes = int64_t{1} << 36;  // 64 GiB; registries take far less
constexpr auto kPollEvery = std::chrono::milliseconds(150);
constexpr auto kAskEvery = std::chrono::milliseconds(20);  // a question is over as soon as nobody waits for it
constexpr auto kStall = std::chrono::seconds(90);          // without a byte: pip is ended
constexpr const char* kTimeoutSeconds = "30";              // of pip, per wait: the registry has answered before
constexpr const char* kRetries = "1";                      // of pip; it then says why, which with none it does not

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

bool is_pip_missing(const SubprocessResult& result) {
  return result.output.find("No module named pip") != std::string::npos || result.exit_code == 127;
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
    start = end + 1;
  }
  return reason.substr(0, 300);
}

// pip says the same for "no such package" and "registry out of reach", after telling of its connection errors.
bool is_network_trouble(const SubprocessResult& result) {
  const std::string& output = result.output;
  return output.find("Connection") != std::string::npos || output.find("connection") != std::string::npos ||
         output.find("Retrying") != std::string::npos || output.find("timed out") != std::string::npos ||
         output.find("resolution") != std::string::npos || result.exit_code < 0;
}

Error error_of_pip(const std::string& package, const SubprocessResult& result) {
  const std::string& output = result.output;
  if (output.find("No space left on device") != std::string::npos) {
    return Error(Code::kFailedPrecondition, "the disk is full while downloading " + package);
  }
  if (is_pip_missing(result)) {
    return Error(Code::kUnavailable, "python3 with pip is not installed (Debian: python3-pip)");
  }
  if (is_network_trouble(result))
    return Error(Code::kUnavailable, "the package registry cannot be reached").with_detail(output);
  return Error(Code::kNotFound, "package " + package + ": " + reason_of(output)).with_detail(output);
}

// What every call of pip has in common. It runs nothing of a package, keeps no cache of its own and asks nobody.
std::vector<std::string> pip(const std::vector<std::string>& words, const std::string& timeout_s,
                             const Source& source) {
  std::vector<std::string> command = {"python3", "-m", "pip", "--disable-pip-version-check"};
  command.insert(command.end(), words.begin(), words.end());
  command.insert(command.end(), {"--no-cache-dir", "--no-input", "--timeout", timeout_s, "--retries", kRetries,
                                 "--only-binary=:all:"});
  if (!source.python_version.empty()) command.insert(command.end(), {"--python-version", source.python_version});
  return command;
}

// Downloads one package into its folder. The folder appears whole or not at all.
Status download(const Source& source, int part, const std::string& cache_dir, int64_t done_before, Progress& progress) {
  std::string package = package_of(source, part);
  fs::path folder = package_folder(source, part, cache_dir);
  fs::path work = folder;
  work += ".part";
  std::error_code error;
  fs::remove_all(work, error);
  fs::create_directories(work / "tmp", error);
  if (error) return Error(Code::kFailedPrecondition, "cannot make " + work.string() + ": " + error.message());

  std::vector<std::string> command =
      pip({"download", "--no-deps", "--quiet", "--progress-bar=off", "--dest", work.string()}, kTimeoutSeconds, source);
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

}  // namespace

std::string fill_pattern(std::string pattern, int part, const std::string& file_name) {
  std::string number = std::to_string(part);
  replace_all(pattern, "{nn}", part < 10 ? "0" + number : number);
  replace_all(pattern, "{n}", number);
  replace_all(pattern, "{file}", file_name);
  return pattern;
}

Status ask_registry(const Source& source, const std::string& cache_dir, std::chrono::milliseconds limit,
                    const std::function<bool()>& go_on) {
  bool has_all = true;
  for (int part = 1; part <= source.parts && has_all; ++part) {
    has_all = !find_wheel(package_folder(source, part, cache_dir)).empty();
  }
  if (has_all) return Ok{};
  std::string timeout_s = std::to_string(std::max<int64_t>(1, limit.count() / 1000));
  std::vector<std::string> command = pip({"index", "versions"}, timeout_s, source);
  command.push_back(package_of(source, 1));
  STUDIO_TRY(auto result, run_subprocess({.command = command, .tick = kAskEvery}, go_on));
  if (result.exit_code == 0) return Ok{};
  if (is_pip_missing(result)) return error_of_pip(package_of(source, 1), result);
  if (result.exit_code < 0) return Error(Code::kUnavailable, "the package registry did not answer in time");
  if (is_network_trouble(result)) return error_of_pip(package_of(source, 1), result);
  return Ok{};  // it answered, be it with a refusal; a pip without `index` is not asked twice
}

Result<FileLock> lock_wheels(const Source& source, const std::string& cache_dir, Progress& progress) {
  fs::path path = package_folder(source, 1, cache_dir);
  path += ".lock";
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  STUDIO_TRY(auto lock, FileLock::try_acquire(path.string()));
  if (lock) return std::move(*lock);
  progress.note("another pull fetches the same packages (process " + FileLock::holder(path.string()) +
                "); waiting for it");
  return FileLock::acquire(path.string());
}

Result<std::vector<std::string>> fetch_wheels(const Source& source, const std::string& cache_dir, Progress& progress) {
  int64_t done = 0;
  std::vector<std::string> wheels;
  progress.begin("download", 0, source.download_bytes);
  for (int part = 1; part <= source.parts; ++part) {
    fs::path folder = package_folder(source, part, cache_dir);
    if (find_wheel(folder).empty()) {
      Status status = download(source, part, cache_dir, done, progress);
      // One more chance: the registry has answered before.
      if (!status.ok() && status.error().code() == Code::kUnavailable) {
        status = download(source, part, cache_dir, done, progress);
      }
      if (!status.ok()) {
        progress.end();
        return std::move(status).error();
      }
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
    status = read_member(wheels[i], member, limit, [&](std::string_view bytes) -> Status {
      STUDIO_CHECK_OK(out.append(bytes));
      progress.update(out.size());
      return Ok{};
    });
  }
  progress.end();
  return status;
}

void drop_wheels(const Source& source, const std::string& cache_dir) {
  std::error_code ignored;
  for (int part = 1; part <= source.parts; ++part) fs::remove_all(package_folder(source, part, cache_dir), ignored);
}

}  // namespace studio::catalogue
