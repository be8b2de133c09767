#include "catalogue/repository_model.h"

#include <curl/curl.h>

#include <string_view>

#include "catalogue/http_request.h"

namespace studio::catalogue {
namespace {

FetchRequest listing_request(const Source& source, const HubSettings& settings) {
  // Address, privacy and token are those of the hub's files; only the path differs.
  FetchRequest request = request_for(source, {.name = "config.json"}, settings);
  const bool is_huggingface = source.kind == SourceKind::kHuggingface;
  std::string endpoint = is_huggingface ? settings.huggingface : settings.modelscope;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  request.url =
      is_huggingface
          ? endpoint + "/api/models/" + source.repo + "/tree/" + source.revision + "?recursive=false"
          : endpoint + "/api/v1/models/" + source.repo + "/repo/files?Revision=" + source.revision + "&Recursive=false";
  return request;
}

size_t append_body(char* data, size_t, size_t count, void* out) {
  auto& body = *static_cast<std::string*>(out);
  if (body.size() + count > kMaxListingBytes) return CURL_WRITEFUNC_ERROR;
  body.append(data, count);
  return count;
}

Result<std::string> ask(const FetchRequest& request) {
  HttpRequest http(request);
  CURL* curl = http.handle();
  if (curl == nullptr) return Error(Code::kInternal, "the HTTP client cannot be set up");
  std::string body;
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(4 * request.first_answer.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_WRITE_ERROR) {
    return Error(Code::kCorruptData, host_of(request.url) + " answers with a list of files over 8 MiB");
  }
  if (code != CURLE_OK) return http.error_of(code, false);
  if (http.answer().status() != 200) return error_of_answer(http.answer(), host_of(request.url));
  return body;
}

}  // namespace

Result<Model> repository_model(const RepositoryName& repository, const std::string& name, const HubSettings& settings) {
  STUDIO_TRY(const auto body, ask(listing_request(repository.source, settings)));
  STUDIO_TRY(const auto all, parse_listing(repository.source.kind, body));
  Model model;
  STUDIO_TRY(model.files, choose_files(all, repository));
  model.name = name.empty() ? own_name(repository) : name;
  if (!is_model_name(model.name)) {
    return Error(Code::kInvalidArgument, "'" + model.name + "' cannot be a model's name; give another with --as");
  }
  model.kind = "chat";
  model.format = repository.file.empty() ? "safetensors" : "gguf";
  model.sources = {repository.source};
  return model;
}

}  // namespace studio::catalogue
