#include "store/migrations.h"

#include <ctime>
#include <map>

#include "base/digest.h"

namespace studio::store {
namespace {

constexpr Migration kMigrations[] = {
    {1, "keys and usage", R"(
      CREATE TABLE api_keys (
        key_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),  -- SHA-256 of the key; the key itself is never kept
        prefix TEXT NOT NULL,                                     -- for people to tell keys apart
        created_at INTEGER NOT NULL,                              -- Unix seconds
        revoked_at INTEGER
      ) STRICT;

      CREATE TABLE usage (
        sequence INTEGER PRIMARY KEY,
        request_id TEXT NOT NULL UNIQUE,  -- a request is recorded once, for ever
        key_id TEXT NOT NULL,
        model TEXT NOT NULL,
        operation TEXT NOT NULL,
        prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens >= 0),
        cached_tokens INTEGER NOT NULL CHECK (cached_tokens BETWEEN 0 AND prompt_tokens),
        completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0),
        reasoning_tokens INTEGER NOT NULL CHECK (reasoning_tokens BETWEEN 0 AND completion_tokens),
        outcome TEXT NOT NULL,
        started_at_ms INTEGER NOT NULL,   -- Unix milliseconds
        first_token_ms INTEGER NOT NULL,  -- from the request's arrival; -1: none
        total_ms INTEGER NOT NULL
      ) STRICT;
    )"},
    // Until here every key was the data folder's own, and named so.
    {2, "keys that people make", R"(
      ALTER TABLE api_keys ADD COLUMN suffix TEXT NOT NULL DEFAULT '';
      ALTER TABLE api_keys ADD COLUMN is_local INTEGER NOT NULL DEFAULT 0 CHECK (is_local IN (0, 1));
      UPDATE api_keys SET is_local = 1 WHERE name = 'local';
    )"},
    {3, "files and batches", R"(
      CREATE TABLE files (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- pages of a list begin behind one, also behind one that is gone
        file_id TEXT NOT NULL UNIQUE,                -- and the name of its bytes in the folder of files
        owner TEXT NOT NULL,                         -- a key_id
        name TEXT NOT NULL,
        purpose TEXT NOT NULL,
        description TEXT NOT NULL,
        size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
        md5 TEXT NOT NULL,
        created_at INTEGER NOT NULL  -- Unix seconds
      ) STRICT;
      CREATE INDEX files_of_owner ON files (owner, sequence);

      CREATE TABLE batches (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        batch_id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        input_file_id TEXT NOT NULL,
        completion_window TEXT NOT NULL,
        metadata TEXT NOT NULL,  -- a JSON object; empty: none
        title TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'validating' CHECK (status IN ('validating', 'in_progress', 'finalizing',
          'completed', 'failed', 'expired', 'cancelling', 'cancelled')),
        is_over INTEGER NOT NULL DEFAULT 0 CHECK (is_over = (status IN ('completed', 'failed', 'expired', 'cancelled'))),
        has_answers INTEGER NOT NULL DEFAULT 1,  -- 0: none is left in batch_answers
        errors TEXT NOT NULL DEFAULT '',         -- a JSON list; empty: none
        output_file_id TEXT NOT NULL DEFAULT '',
        error_file_id TEXT NOT NULL DEFAULT '',
        lines_total INTEGER NOT NULL DEFAULT 0,
        lines_completed INTEGER NOT NULL DEFAULT 0,
        lines_failed INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,  -- these are Unix seconds; 0: not yet
        expires_at INTEGER NOT NULL,
        in_progress_at INTEGER NOT NULL DEFAULT 0,
        finalizing_at INTEGER NOT NULL DEFAULT 0,
        completed_at INTEGER NOT NULL DEFAULT 0,
        failed_at INTEGER NOT NULL DEFAULT 0,
        expired_at INTEGER NOT NULL DEFAULT 0,
        cancelling_at INTEGER NOT NULL DEFAULT 0,
        cancelled_at INTEGER NOT NULL DEFAULT 0
      ) STRICT;
      CREATE INDEX batches_of_owner ON batches (owner, sequence);
      CREATE INDEX batches_open ON batches (sequence) WHERE is_over = 0;
      CREATE INDEX batches_with_answers ON batches (batch_id) WHERE is_over = 1 AND has_answers = 1;

      CREATE TABLE batch_answers (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which lines ended
        batch_id TEXT NOT NULL REFERENCES batches (batch_id),
        line INTEGER NOT NULL,  -- of the input file, from 1
        is_failed INTEGER NOT NULL CHECK (is_failed IN (0, 1)),
        answer TEXT NOT NULL,  -- the line of the output or error file
        UNIQUE (batch_id, line)
      ) STRICT;

      ALTER TABLE usage ADD COLUMN is_batch INTEGER NOT NULL DEFAULT 0 CHECK (is_batch IN (0, 1));
    )"},
    {4, "responses and conversations", R"(
      CREATE TABLE responses (
        response_id TEXT PRIMARY KEY,
        key_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,  -- Unix seconds
        is_final INTEGER NOT NULL CHECK (is_final IN (0, 1)),
        record TEXT NOT NULL,         -- JSON, as the dialect keeps it (docs/formats/stored_responses.md)
        input TEXT NOT NULL,          -- JSON list of the items that this request brought
        pending TEXT NOT NULL         -- JSON: what it takes to make it again; empty once it is final
      ) STRICT;
      CREATE INDEX responses_by_age ON responses (created_at);
      CREATE INDEX responses_unfinished ON responses (created_at) WHERE is_final = 0;

      CREATE TABLE conversations (
        conversation_id TEXT PRIMARY KEY,
        key_id TEXT NOT NULL,
        created_at_ms INTEGER NOT NULL,  -- Unix milliseconds
        metadata TEXT NOT NULL           -- JSON object
      ) STRICT;

      CREATE TABLE conversation_items (
        conversation_id TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
        position INTEGER NOT NULL,       -- grows from item to item
        item_id TEXT NOT NULL,
        item TEXT NOT NULL,              -- JSON object
        PRIMARY KEY (conversation_id, position),
        UNIQUE (conversation_id, item_id)
      ) STRICT;
    )"},
    {5, "answers that outlive their connections", R"(
      CREATE TABLE kept_answers (
        answer_id TEXT PRIMARY KEY,  -- the request id under which usage is recorded
        key_id TEXT NOT NULL,
        idempotency BLOB CHECK (idempotency IS NULL OR length(idempotency) = 32),  -- SHA-256 of an Idempotency-Key
        request BLOB NOT NULL CHECK (length(request) = 32),  -- SHA-256 of what was asked, which itself is not kept
        inputs BLOB NOT NULL CHECK (length(inputs) = 32),    -- SHA-256 of all that its tokens follow from
        arrived_at_ms INTEGER NOT NULL,                      -- Unix milliseconds
        is_cancelled INTEGER NOT NULL DEFAULT 0 CHECK (is_cancelled IN (0, 1))
      ) STRICT;
      CREATE UNIQUE INDEX kept_answers_by_idempotency ON kept_answers (key_id, idempotency)
        WHERE idempotency IS NOT NULL;
      CREATE INDEX kept_answers_by_age ON kept_answers (arrived_at_ms);
    )"},
    // A task's file of texts is worked through as a batch's file of requests is.
    {6, "tasks", R"(
      ALTER TABLE batches ADD COLUMN kind TEXT NOT NULL DEFAULT 'batch' CHECK (kind IN ('batch', 'task'));
      ALTER TABLE batches ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;  -- of its answers: prompts and completions
      CREATE INDEX tasks_of_owner ON batches (owner, sequence) WHERE kind = 'task';
      CREATE INDEX tasks_that_ended ON batches (sequence) WHERE kind = 'task' AND is_over = 1;
    )"},
    {7, "temporary keys", R"(
      CREATE TABLE temporary_keys (
        digest BLOB PRIMARY KEY CHECK (length(digest) = 32),   -- SHA-256 of the key, as of every key
        parent BLOB NOT NULL CHECK (length(parent) = 32),      -- SHA-256 of the key that it stands for
        expires_at INTEGER NOT NULL                            -- Unix seconds
      ) STRICT;
      CREATE INDEX temporary_keys_by_end ON temporary_keys (expires_at);
    )"},
    {8, "usage of the context cache", R"(
      -- Of the prompt, that its marks have held from then on; cached_tokens are those that were held before.
      ALTER TABLE usage ADD COLUMN newly_held_tokens INTEGER NOT NULL DEFAULT 0 CHECK (newly_held_tokens >= 0);
    )"},
    {9, "how much each key keeps", R"(
      CREATE TABLE kept_totals (
        key_id TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('responses', 'conversations')),
        count INTEGER NOT NULL,
        bytes INTEGER NOT NULL,  -- a response's texts; the items of conversations
        PRIMARY KEY (key_id, kind)
      ) STRICT, WITHOUT ROWID;
      INSERT INTO kept_totals (key_id, kind, count, bytes) SELECT key_id, 'responses', count(*),
        sum(octet_length(record) + octet_length(input) + octet_length(pending)) FROM responses GROUP BY key_id;
      INSERT INTO kept_totals (key_id, kind, count, bytes) SELECT key_id, 'conversations', count(DISTINCT c.conversation_id),
        coalesce(sum(octet_length(item)), 0) FROM conversations AS c LEFT JOIN conversation_items USING (conversation_id)
        GROUP BY key_id;

      CREATE TRIGGER responses_added AFTER INSERT ON responses BEGIN
        INSERT INTO kept_totals (key_id, kind, count, bytes) VALUES (new.key_id, 'responses', 1,
          octet_length(new.record) + octet_length(new.input) + octet_length(new.pending))
          ON CONFLICT (key_id, kind) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
      END;
      CREATE TRIGGER responses_ended AFTER UPDATE ON responses BEGIN
        UPDATE kept_totals SET bytes = bytes
          + octet_length(new.record) + octet_length(new.input) + octet_length(new.pending)
          - octet_length(old.record) - octet_length(old.input) - octet_length(old.pending)
          WHERE key_id = new.key_id AND kind = 'responses';
      END;
      CREATE TRIGGER responses_removed AFTER DELETE ON responses BEGIN
        UPDATE kept_totals SET count = count - 1,
          bytes = bytes - octet_length(old.record) - octet_length(old.input) - octet_length(old.pending)
          WHERE key_id = old.key_id AND kind = 'responses';
      END;

      CREATE TRIGGER conversations_added AFTER INSERT ON conversations BEGIN
        INSERT INTO kept_totals (key_id, kind, count, bytes) VALUES (new.key_id, 'conversations', 1, 0)
          ON CONFLICT (key_id, kind) DO UPDATE SET count = count + 1;
      END;
      -- Before: its items go with it, and then nobody knows whose they were.
      CREATE TRIGGER conversations_removed BEFORE DELETE ON conversations BEGIN
        UPDATE kept_totals SET count = count - 1, bytes = bytes - (SELECT coalesce(sum(octet_length(item)), 0)
          FROM conversation_items WHERE conversation_id = old.conversation_id)
          WHERE key_id = old.key_id AND kind = 'conversations';
      END;
      CREATE TRIGGER conversation_items_added AFTER INSERT ON conversation_items BEGIN
        UPDATE kept_totals SET bytes = bytes + octet_length(new.item) WHERE kind = 'conversations'
          AND key_id = (SELECT key_id FROM conversations WHERE conversation_id = new.conversation_id);
      END;
      CREATE TRIGGER conversation_items_removed AFTER DELETE ON conversation_items BEGIN
        UPDATE kept_totals SET bytes = bytes - octet_length(old.item) WHERE kind = 'conversations'
          AND key_id = (SELECT key_id FROM conversations WHERE conversation_id = old.conversation_id);
      END;

      CREATE INDEX batches_of_kind ON batches (owner, kind, is_over);
      CREATE INDEX batches_by_end ON batches (max(completed_at, failed_at, expired_at, cancelled_at))
        WHERE kind = 'batch' AND is_over = 1;
    )"},
};

struct Applied {
  std::string name;
  std::string checksum;
};

Result<std::map<int64_t, Applied>> applied_migrations(Connection& connection) {
  STUDIO_CHECK_OK(connection.run_script(R"(
    CREATE TABLE IF NOT EXISTS migrations (
      number INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      checksum TEXT NOT NULL,
      applied_at INTEGER NOT NULL
    ) STRICT;
  )"));
  std::map<int64_t, Applied> applied;
  STUDIO_CHECK_OK(connection.query("SELECT number, name, checksum FROM migrations", {},
                                   [&](const Row& row) { applied[row.integer(0)] = {row.text(1), row.text(2)}; }));
  return applied;
}

Status apply(Connection& connection, const Migration& migration, const std::string& checksum) {
  STUDIO_CHECK_OK(connection.execute("BEGIN IMMEDIATE"));
  Status status = connection.run_script(migration.script);
  if (status.ok()) {
    status = connection.execute("INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)",
                                {int64_t{migration.number}, std::string_view(migration.name),
                                 std::string_view(checksum), int64_t{std::time(nullptr)}});
  }
  if (status.ok()) status = connection.execute("COMMIT");
  // The first error is the one worth telling; a rollback after it can only fail for the same reason.
  if (!status.ok()) (void)connection.execute("ROLLBACK");
  return status;
}

}  // namespace

std::span<const Migration> all_migrations() {
  return kMigrations;
}

Status migrate(Connection& connection, std::span<const Migration> migrations) {
  STUDIO_TRY(auto applied, applied_migrations(connection));
  if (!applied.empty() && (migrations.empty() || applied.rbegin()->first > migrations.back().number)) {
    return Error(Code::kFailedPrecondition, "the store was written by a newer version of this program");
  }
  for (const Migration& migration : migrations) {
    std::string checksum = to_hex(sha256(migration.script.c_str()));
    auto found = applied.find(migration.number);
    if (found == applied.end()) {
      STUDIO_CHECK_OK(apply(connection, migration, checksum));
    } else if (found->second.checksum != checksum) {
      return Error(Code::kFailedPrecondition, "the store's schema differs from this program's at migration " +
                                                  std::to_string(migration.number) + " (" + found->second.name + ")");
    }
  }
  return Ok{};
}

}  // namespace studio::store
