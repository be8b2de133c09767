// Requests to rank documents by a query, once a dialect has read them.
// Threads: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/serving/encode.h"
#include "api/serving/field_tables.h"
#include "inference/encoder_model.h"

namespace studio::api {

inline constexpr size_t kMaxRankDocuments = 500;  // the original's own limit

struct RankCall {
  std::string model;
  std::string query;
  std::vector<std::string> documents;
  std::optional<int> top_n;
  bool returns_documents = false;
  bool may_cut = false;                 // a document that is too long
  std::optional<std::string> instruct;  // what makes a document a good one; not every model takes it
  std::vector<std::string> ignored, degraded;
};

struct Ranked {
  size_t index = 0;  // of the document in the request
  double score = 0;  // 0 to 1
};

// query, documents (texts, or objects of one text), into the call.
void read_rank_input(FieldReader& reader, RankCall& call);
void read_top_n(FieldReader& reader, RankCall& call);
// Of a document that is an object, as data; `documents` is the list's place in the body.
FieldTable document_fields(const std::string& documents);

// `prefix` stands before the fields' names in errors: "" or "input.".
Result<EncodeInput> prepare_ranking(const inference::EncoderModel& model, const RankCall& call,
                                    const std::string& prefix);
// Best first; of equal ones the first in the request. At most top_n.
std::vector<Ranked> ranked(const inference::Encoded& encoded, const RankCall& call);

}  // namespace studio::api
