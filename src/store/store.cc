#include "store/store.h"

#include <algorithm>
#include <ctime>

#include "base/file_lock.h"
#include "store/migrations.h"
#include "store/sqlite.h"
#include "store/usage_rows.h"
#include "store/writer.h"

namespace studio::store {

struct Store::State {
  FileLock lock;
  Writer writer;
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& folder) {
  STUDIO_TRY(auto lock, FileLock::try_acquire(folder + "/lock"));
  if (!lock) {
    return Error(Code::kConflict, "another studio serves from this data folder (process " +
                                      FileLock::holder(folder + "/lock") + "); give this one its own with --data");
  }
  STUDIO_TRY(auto connection, Connection::open(folder + "/studio.db"));
  STUDIO_CHECK_OK(migrate(connection, all_migrations()));
  return std::unique_ptr<Store>(
      new Store(std::unique_ptr<State>(new State{std::move(*lock), Writer(std::move(connection))})));
}

Status Store::add_key(const ApiKey& key) {
  return state_->writer.run([&](Connection& connection) {
    return connection.execute(
        "INSERT INTO api_keys (key_id, name, digest, prefix, suffix, created_at, is_local) VALUES (?, ?, ?, ?, ?, ?, "
        "?)",
        {std::string_view(key.key_id), std::string_view(key.name), Bytes(key.digest), std::string_view(key.prefix),
         std::string_view(key.suffix), key.created_at, int64_t{key.is_local}});
  });
}

Status Store::revoke_key(const std::string& key_id) {
  return state_->writer.run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(connection.execute("UPDATE api_keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL",
                                       {int64_t{std::time(nullptr)}, std::string_view(key_id)}));
    if (connection.changed_rows() == 1) return Ok{};
    return Error(Code::kNotFound, "no key that counts has this id");
  });
}

Status Store::revoke_local_keys() {
  return state_->writer.run([&](Connection& connection) {
    return connection.execute("UPDATE api_keys SET revoked_at = ? WHERE is_local = 1 AND revoked_at IS NULL",
                              {int64_t{std::time(nullptr)}});
  });
}

Result<bool> Store::was_revoked(const Sha256Digest& digest) {
  bool is_there = false;
  STUDIO_CHECK_OK(state_->writer.run([&](Connection& connection) {
    return connection.query("SELECT 1 FROM api_keys WHERE digest = ? AND revoked_at IS NOT NULL", {Bytes(digest)},
                            [&](const Row&) { is_there = true; });
  }));
  return is_there;
}

Result<std::vector<ApiKey>> Store::active_keys() {
  std::vector<ApiKey> keys;
  auto read = [&](const Row& row) {
    ApiKey key{.key_id = row.text(0),
               .name = row.text(1),
               .prefix = row.text(3),
               .suffix = row.text(4),
               .created_at = row.integer(5),
               .is_local = row.integer(6) != 0};
    std::vector<uint8_t> digest = row.bytes(2);
    if (digest.size() != key.digest.size()) return;  // the schema's CHECK forbids it
    std::copy(digest.begin(), digest.end(), key.digest.begin());
    keys.push_back(std::move(key));
  };
  STUDIO_CHECK_OK(state_->writer.run([&](Connection& connection) {
    return connection.query(
        "SELECT key_id, name, digest, prefix, suffix, created_at, is_local FROM api_keys WHERE revoked_at IS NULL "
        "ORDER BY created_at, rowid",
        {}, read);
  }));
  return keys;
}

Status insert_usage(Connection& connection, const Usage& usage) {
  return connection.execute(
      "INSERT INTO usage (request_id, key_id, model, operation, prompt_tokens, cached_tokens, completion_tokens, "
      "reasoning_tokens, outcome, is_batch, started_at_ms, first_token_ms, total_ms, newly_held_tokens) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id) DO NOTHING",
      {std::string_view(usage.request_id), std::string_view(usage.key_id), std::string_view(usage.model),
       std::string_view(usage.operation), usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens,
       usage.reasoning_tokens, std::string_view(usage.outcome), int64_t{usage.is_batch}, usage.started_at_ms,
       usage.first_token_ms, usage.total_ms, usage.newly_held_tokens});
}

Status Store::record_usage(const Usage& usage) {
  return state_->writer.run([&](Connection& connection) { return insert_usage(connection, usage); });
}

Result<std::optional<Usage>> Store::find_usage(const std::string& request_id) {
  std::optional<Usage> found;
  auto read = [&](const Row& row) {
    found = Usage{.request_id = row.text(0),
                  .key_id = row.text(1),
                  .model = row.text(2),
                  .operation = row.text(3),
                  .prompt_tokens = row.integer(4),
                  .cached_tokens = row.integer(5),
                  .newly_held_tokens = row.integer(13),
                  .completion_tokens = row.integer(6),
                  .reasoning_tokens = row.integer(7),
                  .outcome = row.text(8),
                  .is_batch = row.integer(9) != 0,
                  .started_at_ms = row.integer(10),
                  .first_token_ms = row.integer(11),
                  .total_ms = row.integer(12)};
  };
  STUDIO_CHECK_OK(state_->writer.run([&](Connection& connection) {
    return connection.query(
        "SELECT request_id, key_id, model, operation, prompt_tokens, cached_tokens, completion_tokens, "
        "reasoning_tokens, outcome, is_batch, started_at_ms, first_token_ms, total_ms, newly_held_tokens FROM usage "
        "WHERE request_id = ?",
        {std::string_view(request_id)}, read);
  }));
  return found;
}

Result<UsageTotals> Store::usage_totals() {
  UsageTotals totals;
  STUDIO_CHECK_OK(state_->writer.run([&](Connection& connection) {
    return connection.query(
        "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(cached_tokens), 0), "
        "coalesce(sum(completion_tokens), 0) FROM usage",
        {}, [&](const Row& row) { totals = {row.integer(0), row.integer(1), row.integer(2), row.integer(3)}; });
  }));
  return totals;
}

namespace {

bool copy_digest(const std::vector<uint8_t>& bytes, Sha256Digest& digest) {
  if (bytes.size() != digest.size()) return false;
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return true;
}

// Nothing where the row breaks what the schema's CHECKs demand.
std::optional<KeptAnswer> read_kept_answer(const Row& row) {
  KeptAnswer answer{.answer_id = row.text(0),
                    .key_id = row.text(1),
                    .arrived_at_ms = row.integer(5),
                    .is_cancelled = row.integer(6) != 0};
  Sha256Digest idempotency{};
  if (copy_digest(row.bytes(2), idempotency)) answer.idempotency = idempotency;
  if (!copy_digest(row.bytes(3), answer.request) || !copy_digest(row.bytes(4), answer.inputs)) return std::nullopt;
  return answer;
}

}  // namespace

Status Store::add_kept_answer(const KeptAnswer& answer) {
  return state_->writer.run([&](Connection& connection) {
    return connection.execute(
        "INSERT INTO kept_answers (answer_id, key_id, idempotency, request, inputs, arrived_at_ms, is_cancelled) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        {std::string_view(answer.answer_id), std::string_view(answer.key_id),
         answer.idempotency ? Value(Bytes(*answer.idempotency)) : Value(nullptr), Bytes(answer.request),
         Bytes(answer.inputs), answer.arrived_at_ms, int64_t{answer.is_cancelled}});
  });
}

Result<std::optional<KeptAnswer>> Store::find_kept_answer(const std::string& key_id, const std::string& answer_id) {
  std::optional<KeptAnswer> found;
  STUDIO_CHECK_OK(state_->writer.run([&](Connection& connection) {
    return connection.query(
        "SELECT answer_id, key_id, idempotency, request, inputs, arrived_at_ms, is_cancelled FROM kept_answers "
        "WHERE key_id = ? AND answer_id = ?",
        {std::string_view(key_id), std::string_view(answer_id)},
        [&](const Row& row) { found = read_kept_answer(row); });
  }));
  return found;
}

Result<std::optional<KeptAnswer>> Store::find_kept_answer(const std::string& key_id, const Sha256Digest& idempotency) {
  std::optional<KeptAnswer> found;
  STUDIO_CHECK_OK(state_->writer.run([&](Connection& connection) {
    return connection.query(
        "SELECT answer_id, key_id, idempotency, request, inputs, arrived_at_ms, is_cancelled FROM kept_answers "
        "WHERE key_id = ? AND idempotency = ?",
        {std::string_view(key_id), Bytes(idempotency)}, [&](const Row& row) { found = read_kept_answer(row); });
  }));
  return found;
}

Status Store::cancel_kept_answer(const std::string& answer_id) {
  return state_->writer.run([&](Connection& connection) {
    return connection.execute("UPDATE kept_answers SET is_cancelled = 1 WHERE answer_id = ?",
                              {std::string_view(answer_id)});
  });
}

Status Store::remove_kept_answer(const std::string& answer_id) {
  return state_->writer.run([&](Connection& connection) {
    return connection.execute("DELETE FROM kept_answers WHERE answer_id = ?", {std::string_view(answer_id)});
  });
}

Status Store::remove_kept_answers_before(int64_t arrived_at_ms) {
  return state_->writer.run([&](Connection& connection) {
    return connection.execute("DELETE FROM kept_answers WHERE arrived_at_ms < ?", {arrived_at_ms});
  });
}

Result<std::map<std::string, int64_t>> Store::count_kept_answers() {
  std::map<std::string, int64_t> counts;
  STUDIO_CHECK_OK(state_->writer.run([&](Connection& connection) {
    return connection.query("SELECT key_id, count(*) FROM kept_answers GROUP BY key_id", {},
                            [&](const Row& row) { counts[row.text(0)] = row.integer(1); });
  }));
  return counts;
}

uint64_t Store::commits() const {
  return state_->writer.commits();
}

Writer& Store::writer() {
  return state_->writer;
}

}  // namespace studio::store
