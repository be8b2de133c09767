// libcurl, loaded when it is first called: it brings thirty libraries along, whose linking takes longer than many a
// command, and few commands reach out of this machine. Under the names of its own header, so that who calls it cannot
// tell. Where it is missing nothing can be set up, which every caller tells in its own words.
#include <curl/curl.h>
#include <dlfcn.h>

#include <cstdarg>

namespace {

constexpr const char* kLibrary = "libcurl.so.4";  // its name since 2006, of every build

template <typename Function>
Function* find(const char* name) {
  static void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  return library == nullptr ? nullptr : reinterpret_cast<Function*>(::dlsym(library, name));
}

// The one argument after an option, whichever type that takes: an integer of 64 bits or an address, which on x86-64
// travel alike.
#define STUDIO_ARGUMENT_AFTER(last)                \
  std::va_list arguments;                          \
  va_start(arguments, last);                       \
  void* const argument = va_arg(arguments, void*); \
  va_end(arguments)

}  // namespace

extern "C" {

CURLcode curl_global_init(long flags) {
  static auto* const call = find<decltype(curl_global_init)>("curl_global_init");
  return call == nullptr ? CURLE_FAILED_INIT : call(flags);
}

curl_version_info_data* curl_version_info(CURLversion version) {
  static auto* const call = find<decltype(curl_version_info)>("curl_version_info");
  static curl_version_info_data none = [] {
    curl_version_info_data data{};
    data.version = "missing";
    return data;
  }();
  return call == nullptr ? &none : call(version);
}

curl_slist* curl_slist_append(curl_slist* list, const char* text) {
  static auto* const call = find<decltype(curl_slist_append)>("curl_slist_append");
  return call == nullptr ? nullptr : call(list, text);
}

void curl_slist_free_all(curl_slist* list) {
  static auto* const call = find<decltype(curl_slist_free_all)>("curl_slist_free_all");
  if (call != nullptr) call(list);
}

CURL* curl_easy_init() {
  static auto* const call = find<decltype(curl_easy_init)>("curl_easy_init");
  return call == nullptr ? nullptr : call();
}

CURLcode(curl_easy_setopt)(CURL* handle, CURLoption option, ...) {
  static auto* const call = find<CURLcode(CURL*, CURLoption, ...)>("curl_easy_setopt");
  STUDIO_ARGUMENT_AFTER(option);
  return call == nullptr ? CURLE_FAILED_INIT : call(handle, option, argument);
}

CURLcode(curl_easy_getinfo)(CURL* handle, CURLINFO info, ...) {
  static auto* const call = find<CURLcode(CURL*, CURLINFO, ...)>("curl_easy_getinfo");
  STUDIO_ARGUMENT_AFTER(info);
  return call == nullptr ? CURLE_FAILED_INIT : call(handle, info, argument);
}

CURLcode curl_easy_perform(CURL* handle) {
  static auto* const call = find<decltype(curl_easy_perform)>("curl_easy_perform");
  return call == nullptr ? CURLE_FAILED_INIT : call(handle);
}

void curl_easy_cleanup(CURL* handle) {
  static auto* const call = find<decltype(curl_easy_cleanup)>("curl_easy_cleanup");
  if (call != nullptr) call(handle);
}

const char* curl_easy_strerror(CURLcode code) {
  static auto* const call = find<decltype(curl_easy_strerror)>("curl_easy_strerror");
  return call == nullptr ? "libcurl cannot be loaded" : call(code);
}

CURLM* curl_multi_init() {
  static auto* const call = find<decltype(curl_multi_init)>("curl_multi_init");
  return call == nullptr ? nullptr : call();
}

CURLMcode curl_multi_add_handle(CURLM* multi, CURL* handle) {
  static auto* const call = find<decltype(curl_multi_add_handle)>("curl_multi_add_handle");
  return call == nullptr ? CURLM_BAD_HANDLE : call(multi, handle);
}

CURLMcode curl_multi_remove_handle(CURLM* multi, CURL* handle) {
  static auto* const call = find<decltype(curl_multi_remove_handle)>("curl_multi_remove_handle");
  return call == nullptr ? CURLM_BAD_HANDLE : call(multi, handle);
}

CURLMcode curl_multi_perform(CURLM* multi, int* running) {
  static auto* const call = find<decltype(curl_multi_perform)>("curl_multi_perform");
  return call == nullptr ? CURLM_BAD_HANDLE : call(multi, running);
}

CURLMcode curl_multi_poll(CURLM* multi, curl_waitfd extra[], unsigned extra_count, int timeout_ms, int* ready) {
  static auto* const call = find<decltype(curl_multi_poll)>("curl_multi_poll");
  return call == nullptr ? CURLM_BAD_HANDLE : call(multi, extra, extra_count, timeout_ms, ready);
}

CURLMsg* curl_multi_info_read(CURLM* multi, int* waiting) {
  static auto* const call = find<decltype(curl_multi_info_read)>("curl_multi_info_read");
  return call == nullptr ? nullptr : call(multi, waiting);
}

CURLMcode curl_multi_cleanup(CURLM* multi) {
  static auto* const call = find<decltype(curl_multi_cleanup)>("curl_multi_cleanup");
  return call == nullptr ? CURLM_BAD_HANDLE : call(multi);
}

}  // extern "C"
