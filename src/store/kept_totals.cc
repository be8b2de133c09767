#include "store/kept_totals.h"

namespace studio::store {

Result<KeptTotals> kept_totals(Connection& connection, std::string_view key_id, std::string_view kind) {
  KeptTotals totals;
  STUDIO_CHECK_OK(connection.query("SELECT count, bytes FROM kept_totals WHERE key_id = ? AND kind = ?", {key_id, kind},
                                   [&](const Row& row) { totals = {row.integer(0), row.integer(1)}; }));
  return totals;
}

}  // namespace studio::store
