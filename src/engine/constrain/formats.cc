#include "engine/constrain/formats.h"

#include <algorithm>

namespace studio::engine::constrain {
namespace {

// A day that every year has: 29 February is left out.
#define STUDIO_DATE \
  "[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
#define STUDIO_TIME "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define STUDIO_BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define STUDIO_LABEL "[A-Za-z0-9](-?[A-Za-z0-9]){0,30}"  // without --, which begins names in other scripts
#define STUDIO_HOST STUDIO_LABEL "(\\." STUDIO_LABEL "){0,3}"
#define STUDIO_UUID "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
#define STUDIO_PATH "([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"

#define STUDIO_URL_REST                                                                                                \
  "://" STUDIO_LABEL "(\\.[A-Za-z0-9]{1,32}){0,3}(:[0-9]{1,4})?(/" STUDIO_PATH ")?(\\?" STUDIO_PATH ")?(#" STUDIO_PATH \
  ")?$"
#define STUDIO_URI "^(https?|ftp)" STUDIO_URL_REST
#define STUDIO_MAIL "^[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,32}){0,1}@" STUDIO_LABEL "\\.[A-Za-z]{2,16}$"
#define STUDIO_REFERENCE \
  "^((https?|ftp)://" STUDIO_LABEL "(\\.[A-Za-z0-9]{1,32}){0,3})?(/([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*)*$"

// For values that are listed.
#define STUDIO_LEAP_DAY "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
#define STUDIO_ANY_DATE "(" STUDIO_DATE "|" STUDIO_LEAP_DAY ")"
#define STUDIO_ANY_TIME "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define STUDIO_ANY_MAIL "^[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@" STUDIO_LABEL "(\\." STUDIO_LABEL ")*$"
#define STUDIO_SEGMENT "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
#define STUDIO_QUERY "([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
#define STUDIO_ANY_URI                                                                             \
  "^[A-Za-z][A-Za-z0-9+.-]*:(//" STUDIO_LABEL "(\\." STUDIO_LABEL ")*(:[0-9]{1,5})?(/" STUDIO_PATH \
  ")?|" STUDIO_SEGMENT "+(/" STUDIO_PATH ")?)(\\?" STUDIO_QUERY ")?(#" STUDIO_QUERY ")?$"
#define STUDIO_ANY_HOURS "T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S)"
#define STUDIO_ANY_DURATION \
  "^P([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)(" STUDIO_ANY_HOURS ")?|" STUDIO_ANY_HOURS ")$"

struct Format {
  std::string_view name, pattern, widest, listed = pattern;
};

constexpr Format kFormats[] = {
    {"date", "^" STUDIO_DATE "$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "^" STUDIO_ANY_DATE "$"},
    {"time", "^" STUDIO_TIME "$", "^[0-9]{2}:", "^" STUDIO_ANY_TIME "$"},
    {"iso-time", "^" STUDIO_TIME "$", "^[0-9]{2}:", "^" STUDIO_ANY_TIME "$"},
    {"date-time", "^" STUDIO_DATE "T" STUDIO_TIME "$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}.",
     "^" STUDIO_ANY_DATE "[Tt]" STUDIO_ANY_TIME "$"},
    {"iso-date-time", "^" STUDIO_DATE "T" STUDIO_TIME "$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}.",
     "^" STUDIO_ANY_DATE "[Tt]" STUDIO_ANY_TIME "$"},
    {"duration",
     "^P([0-9]{1,4}D(T[0-9]{1,4}H)?|[0-9]{1,4}W|T([0-9]{1,4}H([0-9]{1,4}M([0-9]{1,4}S)?)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-"
     "9]{1,4}S))$",
     "^[Pp]", STUDIO_ANY_DURATION},
    {"uuid", "^" STUDIO_UUID "$", "^[0-9A-Fa-f:urniURNI-]+$"},
    {"email", STUDIO_MAIL, "@", STUDIO_ANY_MAIL},
    {"idn-email", STUDIO_MAIL, "@", STUDIO_ANY_MAIL},
    {"ipv4", "^" STUDIO_BYTE "(\\." STUDIO_BYTE "){3}$", "^[0-9.]+$"},
    {"ip-address", "^" STUDIO_BYTE "(\\." STUDIO_BYTE "){3}$", "^[0-9.]+$"},
    {"ipv6", "^[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){7}$", ":"},
    {"hostname", "^" STUDIO_HOST "$", "^[A-Za-z0-9.-]+$"},
    {"host-name", "^" STUDIO_HOST "$", "^[A-Za-z0-9.-]+$"},
    {"idn-hostname", "^" STUDIO_HOST "$", ""},
    {"uri", STUDIO_URI, "^[A-Za-z][A-Za-z0-9+.-]*:", STUDIO_ANY_URI},
    {"iri", STUDIO_URI, ":", STUDIO_ANY_URI},
    {"url", "^https?://[a-z]{2,32}(\\.[a-z]{2,32}){1,2}(/" STUDIO_PATH ")?$", "^[A-Za-z]+:"},
    {"uri-reference", STUDIO_REFERENCE, ""},
    {"iri-reference", STUDIO_REFERENCE, ""},
    {"uri-template", STUDIO_REFERENCE, ""},
    {"regex", "^[A-Za-z0-9 _/:;,=-]*$", ""},
    {"byte", "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$", "^[A-Za-z0-9+/=]*$"},
    {"json-pointer", "^(/([^~/]|~[01])*)*$", "^(/|$)"},
    {"json-pointer-uri-fragment", "^#(/[A-Za-z0-9_-]*)*$", "^#"},
    {"relative-json-pointer", "^(0|[1-9][0-9]{0,8})(#|(/([^~/]|~[01])*)*)$", "^[0-9]"},
};

const Format* format_named(std::string_view name) {
  const auto* known = std::ranges::find(kFormats, name, &Format::name);
  return known != std::end(kFormats) ? known : nullptr;
}

}  // namespace

std::string_view format_pattern(std::string_view name) {
  const Format* format = format_named(name);
  return format != nullptr ? format->pattern : std::string_view();
}

std::string_view listed_format_pattern(std::string_view name) {
  const Format* format = format_named(name);
  return format != nullptr ? format->listed : std::string_view();
}

std::string_view widest_format_pattern(std::string_view name) {
  const Format* format = format_named(name);
  return format != nullptr ? format->widest : std::string_view();
}

}  // namespace studio::engine::constrain
