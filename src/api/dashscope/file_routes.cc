#include "api/dashscope/file_routes.h"

#include <boost/json.hpp>

#include "api/dashscope/errors.h"
#include "api/dashscope/kept_wording.h"
#include "api/files/file_rules.h"
#include "api/files/list_query.h"
#include "api/files/removal.h"
#include "api/files/times.h"
#include "api/files/upload.h"
#include "api/serving/fields.h"
#include "api/serving/serve_kept.h"
#include "base/json.h"
#include "engine/templates/unicode.h"
#include "http/exchange.h"

namespace studio::api::dashscope {
namespace {

namespace json = boost::json;
using ExchangePtr = std::shared_ptr<http::Exchange>;

constexpr const char* kPath = "/api/v1/files";
constexpr size_t kMaxFilesOfForm = 10;                 // so that one request stays within some gigabytes
constexpr size_t kMaxFormBytes = 5ull << 30;           // what a key may have in all, at the vendor
constexpr int64_t kMaxPageSize = 100, kPageSize = 10;  // the vendor's own
constexpr int64_t kMaxPages = 1'000'000'000;           // a number that can be multiplied

void refuse(const ExchangePtr& exchange, const Error& error) {
  exchange->respond(error_response(error, exchange->request().request_id));
}

void respond(const ExchangePtr& exchange, json::object data) {
  exchange->respond(http::Response::json(
      200, to_json(json::object{{"request_id", exchange->request().request_id}, {"data", std::move(data)}})));
}

// ---- POST

struct Form {
  std::string purpose = kPurposeTuning;
  std::vector<std::string> descriptions;
};

Result<Form> read_form(const Upload& upload) {
  Form form;
  bool has_purpose = false;
  for (const auto& [name, value] : upload.texts()) {
    if (!engine::jinja::is_valid_utf8(value)) {
      return Error(Code::kInvalidArgument, excerpt(name) + " must be in UTF-8.").with_param(excerpt(name));
    }
    if (name == "descriptions") {
      form.descriptions.push_back(value);
    } else if (name == "purpose" && !has_purpose) {
      has_purpose = true;
      form.purpose = value == "fine_tune" ? kPurposeTuning : value;  // the Python SDK's spelling
    } else {
      return Error(Code::kUnimplemented,
                   excerpt(name) + " is not a field of this form; it may hold files, descriptions and one purpose.")
          .with_param(excerpt(name));
    }
  }
  const bool is_known =
      form.purpose == kPurposeTuning || form.purpose == kPurposeBatch || form.purpose == kPurposeExtract;
  if (is_known) return form;
  return Error(Code::kOutOfRange, "purpose must be 'fine-tune', 'file-extract' or 'batch'.").with_param("purpose");
}

// What two uploads have in common that are the same one, sent twice.
std::string asked_for(Upload& upload, const Form& form) {
  json::array asked{form.purpose, json::value_from(form.descriptions)};
  for (Upload::File& file : upload.files()) {
    asked.push_back(json::array{file.field, file.name, file.digest ? to_hex(file.digest->finish()) : std::string()});
  }
  return to_json(asked);
}

Result<store::StoredFile> keep_file(const FileDesk& desk, const http::Request& request, const Form& form,
                                    Upload::File& file, size_t number) {
  if (file.field != "files") {
    return Error(Code::kInvalidArgument, excerpt(file.field) + " is not a field of this form; files are 'files'.");
  }
  const std::string& owner = request.principal;
  const std::string id = file_id_of(form.purpose, request.request_id, number);
  if (is_made_again(desk.kept, request)) {
    auto made = desk.files->find(owner, id);
    if (made.ok() || made.error().code() != Code::kNotFound) return made;
  }
  STUDIO_CHECK_OK(check_upload(form.purpose, file.name, file.size_bytes));
  if (file.refusal) return *file.refusal;
  STUDIO_CHECK_OK(admit_object(desk.kept, request));
  return desk.files->keep(std::move(*file.draft),
                          {.file_id = id,
                           .owner = owner,
                           .name = file.name,
                           .purpose = form.purpose,
                           .description = number < form.descriptions.size() ? form.descriptions[number] : ""});
}

const char* code_of(const Error& error) {
  if (error.code() == Code::kPayloadTooLarge) return "BadRequest.TooLarge";
  if (error.code() == Code::kQuotaExceeded) return "BadRequest.TooMany";
  return error.code() == Code::kUnavailable ? "InternalError.Upload" : "InvalidParameter";
}

// Each file for itself: those that cannot be kept are told beside those that are. Where there are none of these, the
// request has failed and may come again.
void keep_files(const FileDesk& desk, const ExchangePtr& exchange, Upload& upload, const Form& form) {
  json::array uploaded, failed;
  for (size_t i = 0; i < upload.files().size(); ++i) {
    Upload::File& file = upload.files()[i];
    auto kept = keep_file(desk, exchange->request(), form, file, i);
    if (kept.ok()) {
      uploaded.push_back(json::object{{"file_id", kept->file_id}, {"name", kept->name}});
    } else {
      failed.push_back(
          json::object{{"name", file.name}, {"code", code_of(kept.error())}, {"message", kept.error().message()}});
    }
  }
  if (uploaded.empty()) withdraw_object(desk.kept, exchange->request());
  respond(exchange, {{"uploaded_files", std::move(uploaded)}, {"failed_uploads", std::move(failed)}});
}

void create_files(const FileDesk& desk, const ExchangePtr& exchange) {
  auto& upload = static_cast<Upload&>(*exchange->request().body_sink);
  if (Status read = upload.finish(); !read.ok()) return refuse(exchange, read.error());
  const auto form = read_form(upload);
  if (!form.ok()) return refuse(exchange, form.error());
  if (upload.files().empty()) {
    return refuse(exchange, Error(Code::kInvalidArgument, "files is missing: parts of the form with a file name."));
  }
  const auto make = [&](const ExchangePtr& asker) { keep_files(desk, asker, upload, *form); };
  if (!desk.kept) return make(exchange);
  desk.kept->serve(exchange, kObjectWording, make, asked_for(upload, *form));
}

// ---- GET and DELETE

// `url` is null: this server hands out no addresses that need no key.
json::object file_object(const store::StoredFile& file) {
  return {{"id", file.sequence},
          {"file_id", file.file_id},
          {"name", file.name},
          {"description", file.description},
          {"size", file.size_bytes},
          {"md5", file.md5},
          {"gmt_create", beijing_time(file.created_at)},
          {"url", nullptr},
          {"region", nullptr},
          {"user_id", file.owner},
          {"api_key_id", file.owner},
          {"purpose", file.purpose}};
}

Result<json::object> read_page(store::Files& files, const http::Request& request) {
  STUDIO_TRY(const auto list, ListQuery::parse(request.query, {"page_no", "page_size"}));
  STUDIO_TRY(const int64_t page, list.number("page_no", 1, kMaxPages, 1));
  STUDIO_TRY(const int64_t size, list.number("page_size", 1, kMaxPageSize, kPageSize));
  STUDIO_TRY(const int64_t total, files.count(request.principal, {}));
  STUDIO_TRY(const auto found, files.list(request.principal, {.limit = size, .offset = (page - 1) * size}));
  json::array told;
  for (const store::StoredFile& file : found) told.push_back(file_object(file));
  return json::object{{"total", total}, {"page_size", size}, {"page_no", page}, {"files", std::move(told)}};
}

void list_files(const FileDesk& desk, const ExchangePtr& exchange) {
  auto page = read_page(*desk.files, exchange->request());
  if (!page.ok()) return refuse(exchange, page.error());
  respond(exchange, std::move(*page));
}

void show_file(const FileDesk& desk, const ExchangePtr& exchange) {
  auto file = desk.files->find(exchange->request().principal, exchange->request().path_parameter("id"));
  if (!file.ok()) return refuse(exchange, file.error());
  respond(exchange, file_object(*file));
}

void delete_file(const FileDesk& desk, const ExchangePtr& exchange) {
  const http::Request& request = exchange->request();
  Status removed = remove_file(*desk.files, desk.kept, request.principal, request.path_parameter("id"));
  if (!removed.ok()) return refuse(exchange, removed.error());
  exchange->respond(http::Response::json(200, to_json(json::object{{"request_id", request.request_id}})));
}

}  // namespace

void add_file_routes(const FileDesk& desk, http::Router& router) {
  using http::AuthClass, http::Method, http::Route;
  using Function = void (*)(const FileDesk&, const ExchangePtr&);
  const auto handler = [&desk](Function function) {
    return [desk, function](ExchangePtr exchange) {
      if (!exchange->request().fields.find("x-dashscope-workspace")) return function(desk, exchange);
      refuse(exchange, Error(Code::kPermissionDenied,
                             "X-DashScope-WorkSpace: this server has no workspaces; leave the field out."));
    };
  };
  Route upload(Method::kPost, kPath, AuthClass::kKey, kMaxFormBytes + kFormOverheadBytes, handler(create_files));
  upload.open_body = [files = desk.files](const http::Request& head) {
    const auto wish = read_wish(head, kObjectWording.numbers);
    return std::make_shared<Upload>(
        *files, head,
        UploadLimits{
            .files = kMaxFilesOfForm, .file_bytes = kMaxTuningFileBytes, .has_digests = wish.ok() && wish->is_kept});
  };
  router.add(std::move(upload));
  router.add(Route(Method::kGet, kPath, AuthClass::kKey, 0, handler(list_files)));
  router.add(Route(Method::kGet, std::string(kPath) + "/{id}", AuthClass::kKey, 0, handler(show_file)));
  router.add(Route(Method::kDelete, std::string(kPath) + "/{id}", AuthClass::kKey, 0, handler(delete_file)));
}

}  // namespace studio::api::dashscope
