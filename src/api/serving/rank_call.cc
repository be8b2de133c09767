#include "api/serving/rank_call.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/serving/embed_call.h"

namespace studio::api {
namespace {

namespace json = boost::json;

constexpr FieldRule kDocumentRules[] = {
    {"text"},
    {"image", FieldUse::kNotBuilt, "", kTextAlone},
    {"video", FieldUse::kNotBuilt, "", kTextAlone},
};

void read_document(FieldReader& reader, const std::string& place, const json::value& item, RankCall& call) {
  if (item.is_string()) {
    call.documents.emplace_back(item.get_string());
  } else if (item.is_object()) {
    FieldReader inner(item.get_object(), reader.path_of(place), kDocumentRules, nullptr);
    auto text = inner.text("text");
    if (inner.ok() && !text) inner.fail("text", "is missing");
    if (!inner.ok()) return reader.fail(inner.status().error());
    call.documents.push_back(std::move(*text));
  } else {
    return reader.fail(place, "must be a text; it is " + std::string(json_kind(item)));
  }
  if (call.documents.back().empty()) reader.fail(place, "must not be empty");
}

}  // namespace

void read_rank_input(FieldReader& reader, RankCall& call) {
  call.query = reader.text("query").value_or("");
  if (reader.ok() && call.query.empty()) reader.fail("query", "is missing or empty");
  const json::array* documents = reader.list("documents");
  if (!reader.ok()) return;
  if (documents == nullptr || documents->empty()) return reader.fail("documents", "must hold at least one text");
  if (documents->size() > kMaxRankDocuments) {
    return reader.fail("documents", "may hold " + std::to_string(kMaxRankDocuments) + " texts; it holds " +
                                        std::to_string(documents->size()));
  }
  for (size_t i = 0; i < documents->size() && reader.ok(); ++i) {
    read_document(reader, "documents[" + std::to_string(i) + "]", (*documents)[i], call);
  }
}

FieldTable document_fields(const std::string& documents) {
  return {documents + "[]", "", kDocumentRules};
}

void read_top_n(FieldReader& reader, RankCall& call) {
  if (const auto top = reader.integer("top_n", 1, INT32_MAX)) call.top_n = static_cast<int>(*top);
}

Result<EncodeInput> prepare_ranking(const inference::EncoderModel& model, const RankCall& call,
                                    const std::string& prefix) {
  using inference::TooLong;
  const auto query = model.query_ids(call.query, call.instruct);
  EncodeInput input;
  for (size_t i = 0; i < call.documents.size(); ++i) {
    const std::string place = prefix + "documents[" + std::to_string(i) + "]";
    auto prepared =
        model.prepare_pair(query, call.documents[i], place, call.may_cut ? TooLong::kIsCut : TooLong::kIsRefused);
    if (!prepared.ok()) return std::move(prepared).error();
    if (prepared->is_cut) input.cut.push_back(place);
    input.texts.push_back(std::move(prepared->text));
  }
  if (const int64_t tokens = inference::count_tokens(input.texts); tokens > kMaxEmbedTokens) {
    return Error(Code::kInvalidArgument, prefix + "documents, each with the query, have " + std::to_string(tokens) +
                                             " tokens in all; one request may have " + std::to_string(kMaxEmbedTokens) +
                                             ".")
        .with_param(prefix + "documents");
  }
  return input;
}

std::vector<Ranked> ranked(const inference::Encoded& encoded, const RankCall& call) {
  std::vector<Ranked> all;
  for (size_t i = 0; i < encoded.values.size(); ++i) {
    all.push_back({.index = i, .score = 1 / (1 + std::exp(-static_cast<double>(encoded.values[i])))});
  }
  // By the logits: far from 0 they still differ where the scores no longer do.
  std::ranges::sort(all, [&](const Ranked& a, const Ranked& b) {
    const float of_a = encoded.values[a.index], of_b = encoded.values[b.index];
    return of_a != of_b ? of_a > of_b : a.index < b.index;
  });
  if (call.top_n && all.size() > static_cast<size_t>(*call.top_n)) all.resize(static_cast<size_t>(*call.top_n));
  return all;
}

}  // namespace studio::api
