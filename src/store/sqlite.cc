#include "store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <unordered_map>

#include "base/log.h"

namespace studio::store {
namespace {

// The first release without the write-ahead-log reset bug, which loses committed data.
constexpr int kOldestSafeVersion = 3'051'003;
static_assert(SQLITE_VERSION_NUMBER >= kOldestSafeVersion);

constexpr int kBusyTimeoutMs = 5'000;  // another process may be looking at the file (a backup, a shell)

Error error_of(sqlite3* database, int result) {
  int extended = database ? sqlite3_extended_errcode(database) : result;
  std::string detail = database ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  if (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC) {
    log::error("store.fsync_failed", {{"detail", detail}});
    log::flush();
    std::abort();
  }
  switch (result & 0xff) {
    case SQLITE_FULL:
      return Error(Code::kUnavailable, "the disk that holds the store is full").with_detail(detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(Code::kUnavailable, "the store is in use by another process").with_detail(detail);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(Code::kCorruptData, "the store's file is damaged or not a store").with_detail(detail);
    case SQLITE_CONSTRAINT:
      return Error(Code::kConflict, "the store already holds such a record").with_detail(detail);
    default:
      return Error(Code::kInternal, "the store failed").with_detail(detail + " (" + std::to_string(extended) + ")");
  }
}

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

struct Binder {
  sqlite3_stmt* statement;
  int index;
  int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
  int operator()(int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
  int operator()(std::string_view text) const {
    return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  int operator()(Bytes bytes) const {
    return sqlite3_bind_blob64(statement, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  }
};

// Leaves a statement ready for its next use, whatever happened.
struct ResetOnExit {
  sqlite3_stmt* statement;
  ~ResetOnExit() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

}  // namespace

struct Connection::State {
  std::unique_ptr<sqlite3, CloseDatabase> database;
  // By address of the literal: equal texts at two places are two entries, which costs a little memory and no more.
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, FinishStatement>> statements;
  int64_t log_pages = 0;

  Result<sqlite3_stmt*> prepare(Sql sql) {
    auto& slot = statements[sql.c_str()];
    if (!slot) {
      sqlite3_stmt* statement = nullptr;
      int result = sqlite3_prepare_v3(database.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
      if (result != SQLITE_OK) return error_of(database.get(), result);
      slot.reset(statement);
    }
    return slot.get();
  }
};

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const std::string& path) {
  if (sqlite3_libversion_number() < kOldestSafeVersion) {
    return Error(Code::kFailedPrecondition, "the SQLite library is older than 3.51.3 and may lose committed data");
  }
  // SQLite would make the file with the umask's mode; the store is its owner's alone.
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Error(Code::kUnavailable, "cannot open the store").with_detail(path);
  ::close(fd);

  auto state = std::make_unique<State>();
  sqlite3* database = nullptr;
  int result = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, nullptr);
  state->database.reset(database);
  if (result != SQLITE_OK) return error_of(database, result);
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  // Counts the log's pages; it also takes the place of automatic checkpoints.
  sqlite3_wal_hook(
      database,
      [](void* opaque, sqlite3*, const char*, int pages) {
        static_cast<State*>(opaque)->log_pages = pages;
        return SQLITE_OK;
      },
      state.get());

  Connection connection(std::move(state));
  STUDIO_CHECK_OK(connection.run_script("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"));
  return connection;
}

Status Connection::execute(Sql sql, std::initializer_list<Value> values) {
  return query(sql, values, [](const Row&) {});
}

Status Connection::query(Sql sql, std::initializer_list<Value> values, const std::function<void(const Row&)>& on_row) {
  STUDIO_TRY(sqlite3_stmt * statement, state_->prepare(sql));
  ResetOnExit reset{statement};
  int index = 0;
  for (const Value& value : values) {
    int result = std::visit(Binder{statement, ++index}, value);
    if (result != SQLITE_OK) return error_of(state_->database.get(), result);
  }
  for (;;) {
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) return Ok{};
    if (result != SQLITE_ROW) return error_of(state_->database.get(), result);
    on_row(Row(statement));
  }
}

Status Connection::run_script(Sql script) {
  int result = sqlite3_exec(state_->database.get(), script.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return error_of(state_->database.get(), result);
  return Ok{};
}

int64_t Connection::changed_rows() const {
  return sqlite3_changes64(state_->database.get());
}

int64_t Connection::log_pages() const {
  return state_->log_pages;
}

Status Connection::checkpoint(bool empty) {
  int mode = empty ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  int result = sqlite3_wal_checkpoint_v2(state_->database.get(), nullptr, mode, nullptr, nullptr);
  // A reader in another process may hold the log: the next checkpoint catches up.
  if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) return error_of(state_->database.get(), result);
  return Ok{};
}

int64_t Row::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Row::text(int column) const {
  auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text ? std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))) : std::string();
}

std::vector<uint8_t> Row::bytes(int column) const {
  auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  return data ? std::vector<uint8_t>(data, data + sqlite3_column_bytes(statement_, column)) : std::vector<uint8_t>();
}

std::string_view sqlite_version() {
  return sqlite3_libversion();
}

}  // namespace studio::store
