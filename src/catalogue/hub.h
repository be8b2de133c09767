// Where hubs keep a file, and which of them answer.
//
// ModelScope and Hugging Face speak the same form: ENDPOINT/.../REPO/resolve/REVISION/FILE, redirecting to where the
// bytes are and telling their SHA-256 on the way (Hugging Face: X-Linked-Etag). Pages read: huggingface_hub's "Download
// files" guide, ModelScope's "model download" page, November 2026.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "catalogue/catalogue.h"
#include "catalogue/fetch.h"

namespace studio::catalogue {

inline constexpr const char* kModelscopeEndpoint = "https://modelscope.cn";
inline constexpr const char* kHuggingfaceEndpoint = "https://huggingface.co";

struct HubSettings {
  std::string modelscope = kModelscopeEndpoint;
  std::string huggingface = kHuggingfaceEndpoint;  // HF_ENDPOINT
  std::string huggingface_token;                   // HF_TOKEN; sent to that endpoint alone
  std::chrono::milliseconds patience{4'000};       // for the first answer; hubs are asked at the same time
};

bool is_http_source(const Source& source);  // a hub or a URL

// The request for one file of an http source. An endpoint that the user set may be a private address; the stock ones
// and URLs of the catalogue may not, unless the URL names a loopback address itself.
FetchRequest request_for(const Source& source, const ModelFile& file, const HubSettings& settings);

// "modelscope.cn", "packages", ...: for messages.
std::string display_name(const Source& source, const HubSettings& settings);

// Asks every http source for the model's first file at the same time, so that hubs out of reach cost one patience in
// all. The answers line up with `sources`; those of other kinds are ok.
std::vector<Result<Validators>> ask_sources(const std::vector<Source>& sources, const ModelFile& file,
                                            const HubSettings& settings);

}  // namespace studio::catalogue
