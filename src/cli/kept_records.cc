#include "cli/kept_records.h"

namespace studio::cli {
namespace {

using api::KeptRecord;

std::optional<KeptRecord> to_record(std::optional<store::KeptAnswer> row) {
  if (!row) return std::nullopt;
  return KeptRecord{.answer_id = std::move(row->answer_id),
                    .key_id = std::move(row->key_id),
                    .idempotency = row->idempotency,
                    .request = row->request,
                    .inputs = row->inputs,
                    .arrived_at_ms = row->arrived_at_ms,
                    .is_cancelled = row->is_cancelled};
}

class StoredRecords final : public api::KeptRecords {
 public:
  explicit StoredRecords(std::shared_ptr<store::Store> store) : store_(std::move(store)) {}

  Result<std::optional<KeptRecord>> find(const std::string& key_id, const std::string& answer_id) override {
    STUDIO_TRY(auto row, store_->find_kept_answer(key_id, answer_id));
    return to_record(std::move(row));
  }
  Result<std::optional<KeptRecord>> find(const std::string& key_id, const Sha256Digest& idempotency) override {
    STUDIO_TRY(auto row, store_->find_kept_answer(key_id, idempotency));
    return to_record(std::move(row));
  }
  Status add(const KeptRecord& record) override {
    return store_->add_kept_answer({.answer_id = record.answer_id,
                                    .key_id = record.key_id,
                                    .idempotency = record.idempotency,
                                    .request = record.request,
                                    .inputs = record.inputs,
                                    .arrived_at_ms = record.arrived_at_ms,
                                    .is_cancelled = record.is_cancelled});
  }
  Status mark_cancelled(const std::string& answer_id) override { return store_->cancel_kept_answer(answer_id); }
  Status remove(const std::string& answer_id) override { return store_->remove_kept_answer(answer_id); }
  Status remove_before(int64_t arrived_at_ms) override { return store_->remove_kept_answers_before(arrived_at_ms); }
  Result<std::map<std::string, int64_t>> count_by_key() override { return store_->count_kept_answers(); }

 private:
  const std::shared_ptr<store::Store> store_;
};

}  // namespace

std::shared_ptr<api::KeptRecords> make_kept_records(std::shared_ptr<store::Store> store) {
  return std::make_shared<StoredRecords>(std::move(store));
}

}  // namespace studio::cli
