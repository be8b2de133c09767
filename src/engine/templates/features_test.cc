// What the constructs of the subset print. The expected texts are jinja2's; tests/templates compares far more with it.
#include <gtest/gtest.h>

#include "engine/templates/render_for_test.h"

namespace studio::engine {
namespace {

constexpr const char* kContext =
    R"({"s":"Hello, World","u":"naïve ΣΑΣ 你好 🙂","n":7,"f":2.5,"l":[3,1,2],"e":[],"z":null,"t":true,
    "d":{"b":1,"a":[1,2],"items":5},"msgs":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"x":1}]})";

struct Case {
  const char* source;
  const char* output;
};

class Features : public testing::TestWithParam<Case> {};

TEST_P(Features, PrintWhatJinjaPrints) {
  EXPECT_EQ(render(GetParam().source, kContext), GetParam().output);
}

INSTANTIATE_TEST_SUITE_P(Whitespace, Features,
                         testing::Values(Case{"{% if t %}\na\n{% endif %}\nb\n", "a\nb"},
                                         Case{"  {% if t %}\n  a\n  {% endif %}\nb", "  a\nb"},
                                         Case{"x {% if t %} y {% endif %} z", "x  y  z"},
                                         Case{"a \n {%- if t -%} \n b {%- endif %} c", "ab c"},
                                         Case{"a\n  {%+ if t +%}\nb{% endif %}", "a\n  \nb"},
                                         Case{"a {{- 1 -}} b {{ 2 }} c", "a1b 2 c"},
                                         Case{"  {# note #}\nx{#- y -#} z", "xz"},
                                         Case{"{% raw %}{{ x }}{% endraw %}", "{{ x }}"},
                                         Case{"a\r\nb\rc\n\n", "a\nb\nc\n"}));

INSTANTIATE_TEST_SUITE_P(
    Expressions, Features,
    testing::Values(
        Case{"{{ 1 + 2 * 3 - 4 // 3 }} {{ 7 / 2 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 'ab' * 2 }} {{ 1 ~ 'a' ~ none }}",
             "6 3.5 2 1024 abab 1aNone"},
        Case{"{{ 1 < 2 < 3 }} {{ 1 == 1.0 }} {{ 'a' in 'abc' }} {{ 4 not in l }} {{ not t }}",
             "True True True True False"},
        Case{"{{ 0 or 'x' }} {{ '' and 1 }}| {{ 'a' if e else 'b' }} {{ 'a' if e }}|", "x | b |"},
        Case{"{{ s[1:3] }} {{ s[::-1] }} {{ u[-3:] }} {{ l[::-1] }} {{ l[-1] }} {{ l[9] }}|",
             "el dlroW ,olleH 好 🙂 [2, 1, 3] 2 |"},
        Case{"{{ {'a': 1, 'b': [none, 1.0, 'x\"y']} }} {{ (1,) }} {{ [] }}",
             "{'a': 1, 'b': [None, 1.0, 'x\"y']} (1,) []"},
        Case{"{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e-5 }} {{ 100.0 }} {{ 5e-324 }}",
             "0.30000000000000004 1e+16 1e-05 100.0 5e-324"},
        Case{"{{ '\\x41\\u4f60\\n' }}{{ 'a' \"b\" }}", "A你\nab"}));

INSTANTIATE_TEST_SUITE_P(
    Undefined, Features,
    testing::Values(
        Case{"[{{ nope }}] {{ nope is defined }} {{ d.nope is defined }} {{ nope | default('x') }} {{ nope == nope2 }}",
             "[] False False x True"},
        Case{"{% for x in nope %}a{% else %}none{% endfor %}", "none"},
        Case{"a\n{{ nope.x }}", "error: chat template, line 2: 'nope' is undefined"},
        Case{"{{ 'a' + nope }}", "error: chat template, line 1: 'nope' is undefined"},
        Case{"{{ d.nope.x }}", "error: chat template, line 1: 'dict object' has no attribute 'nope'"}));

INSTANTIATE_TEST_SUITE_P(
    Statements, Features,
    testing::Values(
        Case{"{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set x %}<{{ a }}>{% endset %}{{ x }}", "12<1>"},
        Case{"{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}", "1"},
        Case{"{% set ns = namespace(n=0) %}{% for i in l %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "6"},
        Case{"{% if e %}a{% elif t %}b{% else %}c{% endif %}", "b"},
        Case{"{% for i in l if i > 1 %}{{ loop.index }}{{ i }}{{ loop.last }} {% else %}x{% endfor %}",
             "13False 22True "},
        Case{"{% for i in l %}{{ loop.index0 }}{{ loop.first }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.length }} "
             "{% endfor %}",
             "0True13 1False323 2False13 "},
        Case{"{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i > 3 %}{% break %}{% endif %}{{ i "
             "}}{% endfor %}",
             "023"},
        Case{"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "b=1;a=[1, 2];items=5;"},
        Case{"{% macro m(a, b=2, *) %}{% endmacro %}", "error: chat template, line 1: expected a name, got '*'"},
        Case{"{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, b=3) }}{{ m(*[4], **{'b': 5}) }}",
             "111345"},
        Case{"{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{% endcall %}", "<x>"},
        Case{"{% filter upper %}a{{ s }}{% endfilter %}{% with q = 1 %}{{ q }}{% endwith %}{{ q }}", "AHELLO, WORLD1"},
        Case{"{% generation %}a{{ n }}{% endgeneration %}", "a7"}));

INSTANTIATE_TEST_SUITE_P(
    Filters, Features,
    testing::Values(
        Case{"{{ d | tojson }} {{ {'a': 'é\"\\n', 'b': 0.7} | tojson(indent=1) }}",
             "{\"b\": 1, \"a\": [1, 2], \"items\": 5} {\n \"a\": \"é\\\"\\n\",\n \"b\": 0.7\n}"},
        Case{"{{ '<é>' | tojson }} {{ '<é🙂>' | tojson(ensure_ascii=true) }} {{ [1, 2] | tojson(separators=(',', ':')) "
             "}}",
             "\"<é>\" \"<\\u00e9\\ud83d\\ude42>\" [1,2]"},
        Case{"{{ '  a ' | trim }}|{{ s | upper }}|{{ u | lower }}|{{ 'a b' | title }}|{{ 'aB' | capitalize }}",
             "a|HELLO, WORLD|naïve σας 你好 🙂|A B|Ab"},
        Case{"{{ l | sort }}{{ l | sum }}{{ l | max }}{{ l | min }}{{ l | first }}{{ l | last }}{{ l | join('-') }}{{ "
             "u | length }}",
             "[1, 2, 3]631323-1-214"},
        Case{"{{ msgs | map(attribute='role') | list }} {{ msgs | selectattr('x', 'defined') | list | length }} {{ l | "
             "reject('odd') | list }}",
             "['user', 'assistant'] 1 [2]"},
        Case{"{{ d | items | list }} {{ d | dictsort | first }} {{ [1, 1, 2] | unique | list }} {{ l | reverse | list "
             "}}",
             "[('b', 1), ('a', [1, 2]), ('items', 5)] ('a', [1, 2]) [1, 2] [2, 1, 3]"},
        Case{"{{ '42' | int }} {{ '4.9' | float }} {{ 2.5 | round }} {{ -3 | abs }} {{ 'x' | int(1) }} {{ 42.55 | "
             "round(1, 'floor') }}",
             "42 4.9 2.0 3 1 42.5"},
        Case{"{{ 'a\nb' | indent(2) }}|{{ 'aaa' | replace('a', 'b', 2) }}|{{ '<' | e }}|{{ z | default('q', true) }}",
             "a\n  b|bba|&lt;|q"},
        Case{"{{ 'x' | nope }}", "error: chat template, line 1: the filter 'nope' is not supported"}));

INSTANTIATE_TEST_SUITE_P(Tests, Features,
                         testing::Values(Case{"{{ n is odd }} {{ n is divisibleby 7 }} {{ s is string }} {{ d is "
                                              "mapping }} {{ l is sequence }} {{ l is iterable }}",
                                              "True True True True True True"},
                                         Case{"{{ z is none }} {{ t is true }} {{ n is number }} {{ f is float }} {{ n "
                                              "is eq 7 }} {{ n is in [7] }} {{ n is not none }}",
                                              "True True True True True True True"},
                                         Case{"{{ s is nope }}",
                                              "error: chat template, line 1: the test 'nope' is not supported"}));

INSTANTIATE_TEST_SUITE_P(
    Methods, Features,
    testing::Values(Case{"{{ s.split(', ') }} {{ ' a  b '.split() }} {{ 'a,b,c'.rsplit(',', 1) }} {{ s.find('W') }} {{ "
                         "s.startswith(('x', 'H')) }}",
                         "['Hello', 'World'] ['a', 'b'] ['a,b', 'c'] 7 True"},
                    Case{"{{ 'xax'.strip('x') }} {{ 'a\nb\n'.splitlines() }} {{ '-'.join(['a', 'b']) }} {{ "
                         "'12'.isdigit() }} {{ 'aba'.count('a') }}",
                         "a ['a', 'b'] a-b True 2"},
                    Case{"{{ d.get('q', 0) }} {{ d.keys() | list }} {{ l.index(2) }} {{ '{:>4}|{x:.2f}'.format('a', "
                         "x=2.5) }} {{ '%03d' % 7 }}",
                         "0 ['b', 'a', 'items'] 2    a|2.50 007"},
                    Case{"{{ l.append(4) }}",
                         "error: chat template, line 1: changing a list by 'append' is not allowed"},
                    Case{"{{ s.encode() }}", "error: chat template, line 1: the method 'encode' is not supported"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, Features,
    testing::Values(
        Case{"a\nb {{ 1 +", "error: chat template, line 2: expected an expression, got the end of the template"},
        Case{"{% if t %}\n\n", "error: chat template, line 2: expected 'endif', got the end of the template"},
        Case{"\n{% frob %}", "error: chat template, line 2: unknown tag 'frob'"},
        Case{"{% include 'x' %}", "error: chat template, line 1: the tag 'include' is not supported"},
        Case{"{{ (1 }}", "error: chat template, line 1: unexpected '}'"},
        Case{"{{ 'abc }}", "error: chat template, line 1: a string is not closed"},
        Case{"\xff", "error: chat template: the chat template is not valid UTF-8"}));

TEST(Features, RaisedExceptionIsSaidInTheTemplatesWords) {
  auto compiled = ChatTemplate::compile("x\n{{ raise_exception('Roles must alternate: ' ~ x) }}");
  auto rendered = compiled->render({{"x", "user"}});
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(rendered.error().message(), "Roles must alternate: user");
}

TEST(Features, LongMessagesAreCutBetweenCharacters) {
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) text += "é";
  auto rendered = ChatTemplate::compile("{{ raise_exception(x) }}")->render({{"x", text}});
  EXPECT_EQ(rendered.error().message().size(), 1023 + 3u);
}

TEST(Features, TheClockIsTheHosts) {
  RenderOptions options{.now = std::chrono::system_clock::from_time_t(1'760'000'000)};
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y %H:%M') }}", "{}", options), "09 Oct 2025 08:53");
}

}  // namespace
}  // namespace studio::engine
