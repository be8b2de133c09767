// Where hubs keep a file.
//
// ModelScope and Hugging Face speak the same form: ENDPOINT/.../REPO/resolve/REVISION/FILE, redirecting to where the
// bytes are and telling their SHA-256 on the way (Hugging Face: X-Linked-Etag). Pages read: huggingface_hub's "Download
// files" guide, ModelScope's "model download" page, November 2026.
#pragma once

#include <chrono>
#include <string>

#include "catalogue/catalogue.h"
#include "catalogue/http_request.h"

namespace studio::catalogue {

inline constexpr const char* kModelscopeEndpoint = "https://modelscope.cn";
inline constexpr const char* kHuggingfaceEndpoint = "https://huggingface.co";

// What sources out of reach may cost one pull in all, however many they are (inquiry.h): 5 s are promised, half a
// second of them is for the program itself.
inline constexpr std::chrono::milliseconds kReachBudget{4'500};

struct HubSettings {
  std::string modelscope = kModelscopeEndpoint;
  std::string huggingface = kHuggingfaceEndpoint;  // HF_ENDPOINT
  std::string huggingface_token;                   // HF_TOKEN; sent to that endpoint alone
  std::chrono::milliseconds patience = kReachBudget;
};

bool is_http_source(const Source& source);  // a hub or a URL

// The request for one file of an http source. An endpoint that the user set may be a private address; the stock ones
// and URLs of the catalogue may not, unless the URL names a loopback address itself.
FetchRequest request_for(const Source& source, const ModelFile& file, const HubSettings& settings);

// "modelscope.cn", "packages", ...: for messages.
std::string display_name(const Source& source, const HubSettings& settings);

}  // namespace studio::catalogue
