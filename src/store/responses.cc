#include "store/responses.h"

#include <optional>

#include "store/sqlite.h"
#include "store/writer.h"

namespace studio::store {
namespace {

Error no_response() {
  return Error(Code::kNotFound, "There is no response of this id.");
}

StoredResponse read_row(const Row& row) {
  return {.response_id = row.text(0),
          .key_id = row.text(1),
          .created_at = row.integer(2),
          .is_final = row.integer(3) != 0,
          .record = row.text(4),
          .input = row.text(5),
          .pending = row.text(6)};
}

// The answer is kept even where nobody can be told of it in the conversation any more.
Status append(Connection& connection, std::string_view key_id, const Appendix& appendix) {
  if (appendix.conversation_id.empty()) return Ok{};
  Status appended = append_items(connection, key_id, appendix.conversation_id, appendix.items);
  const bool is_gone = !appended.ok() && appended.error().code() == Code::kNotFound;
  return is_gone ? Status(Ok{}) : std::move(appended);
}

}  // namespace

Status Responses::add(const StoredResponse& response, const Appendix& appendix) {
  return store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(
        connection.execute("INSERT INTO responses (response_id, key_id, created_at, is_final, record, input, pending) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?)",
                           {std::string_view(response.response_id), std::string_view(response.key_id),
                            response.created_at, int64_t{response.is_final}, std::string_view(response.record),
                            std::string_view(response.input), std::string_view(response.pending)}));
    return append(connection, response.key_id, appendix);
  });
}

Status Responses::finish(std::string_view response_id, std::string_view record, const Appendix& appendix) {
  return store_->writer().run([&](Connection& connection) -> Status {
    std::string key_id;
    STUDIO_CHECK_OK(connection.query("SELECT key_id FROM responses WHERE response_id = ? AND is_final = 0",
                                     {response_id}, [&](const Row& row) { key_id = row.text(0); }));
    if (key_id.empty()) return Ok{};
    STUDIO_CHECK_OK(connection.execute(
        "UPDATE responses SET is_final = 1, record = ?, pending = '' WHERE response_id = ?", {record, response_id}));
    return append(connection, key_id, appendix);
  });
}

Result<StoredResponse> Responses::find(std::string_view key_id, std::string_view response_id) {
  std::optional<StoredResponse> found;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT response_id, key_id, created_at, is_final, record, input, pending FROM responses "
        "WHERE key_id = ? AND response_id = ?",
        {key_id, response_id}, [&](const Row& row) { found = read_row(row); });
  }));
  if (!found) return no_response();
  return std::move(*found);
}

Status Responses::remove(std::string_view key_id, std::string_view response_id) {
  return store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_CHECK_OK(
        connection.execute("DELETE FROM responses WHERE key_id = ? AND response_id = ?", {key_id, response_id}));
    return connection.changed_rows() == 1 ? Status(Ok{}) : no_response();
  });
}

Result<KeptTotals> Responses::totals(std::string_view key_id) {
  KeptTotals totals;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) -> Status {
    STUDIO_TRY(totals, kept_totals(connection, key_id, kResponsesKind));
    return Ok{};
  }));
  return totals;
}

Result<std::vector<StoredResponse>> Responses::unfinished() {
  std::vector<StoredResponse> all;
  STUDIO_CHECK_OK(store_->writer().run([&](Connection& connection) {
    return connection.query(
        "SELECT response_id, key_id, created_at, is_final, record, input, pending FROM responses "
        "WHERE is_final = 0 ORDER BY created_at, rowid",
        {}, [&](const Row& row) { all.push_back(read_row(row)); });
  }));
  return all;
}

Status Responses::remove_older(int64_t created_before) {
  return store_->writer().run([&](Connection& connection) {
    return connection.execute("DELETE FROM responses WHERE is_final = 1 AND created_at < ?", {created_before});
  });
}

}  // namespace studio::store
