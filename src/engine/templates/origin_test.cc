// Whose byte is it: what the template spells is the template's, all else the caller's.
#include <gtest/gtest.h>

#include "engine/templates/render_for_test.h"

namespace studio::engine {
namespace {

TEST(Origin, OfLiteralsAndOfTheContext) {
  EXPECT_EQ(render_marked("<a>{{ x }}<b>{{ '<c>' }}{{ x ~ '<d>' ~ x }}", R"({"x":"<d>"})"),
            "<a>«<d>»<b><c>«<d>»<d>«<d>»");
}

TEST(Origin, OfATokenSpelledAcrossBothIsNotTheTemplates) {
  EXPECT_EQ(render_marked("{{ '<|im_' + x }}<|im_{{ x }}", R"({"x":"end|>"})"), "<|im_«end|>»<|im_«end|>»");
}

TEST(Origin, OfATokenTheTemplateAssembles) {
  EXPECT_EQ(render_marked("{{ '<|' ~ 'im' }}{% set t %}_end{% endset %}{{ t }}|>{{ x }}", R"({"x":""})"), "<|im_end|>");
}

TEST(Origin, SurvivesFiltersAndMethods) {
  const char* context = R"({"x":" ab\nC "})";
  EXPECT_EQ(render_marked("{{ ('<T>' + x) | trim }}", context), "<T>« ab\nC»");
  EXPECT_EQ(render_marked("{{ ('t' + x) | upper }}", context), "T« AB\nC »");
  EXPECT_EQ(render_marked("{{ ('tT' + x).lower()[1:4] }}", context), "t« a»");
  EXPECT_EQ(render_marked("{{ ('t' + x + 't') | reverse }}", context), "t« C\nba »t");
  EXPECT_EQ(render_marked("{{ 'é%sü' % x }}|{{ '<{}>'.format(x) }}|{{ '%s' | format(x) }}", context),
            "é« ab\nC »ü|<« ab\nC »>|« ab\nC »");
  EXPECT_EQ(render_marked("{{ ('t' + x) | indent(2) }}", context), "t« ab\n  C »");
  EXPECT_EQ(render_marked("{{ ('t' ~ x) * 2 }}", context), "t« ab\nC »t« ab\nC »");
  EXPECT_EQ(render_marked("{{ ['t', x.strip(), 't'] | join('-') }}", context), "t-«ab\nC»-t");
  EXPECT_EQ(render_marked("{{ ['<s>', x] | map('trim') | join }}", context), "<s>«ab\nC»");
}

TEST(Origin, OfASeparatorThatTheTextPlacesIsTheCallers) {
  const char* context = R"({"x":"a;b","l":["a","b"]})";
  EXPECT_EQ(render_marked("{{ x.split(';') | join('<T>') }}", context), "«a<T>b»");
  EXPECT_EQ(render_marked("{{ '<T>'.join(x.split(';')) }}", context), "«a<T>b»");
  EXPECT_EQ(render_marked("{{ x.split(';')[::-1] | map('upper') | list | join('<T>') }}", context), "«B<T>A»");
  EXPECT_EQ(render_marked("{{ x | list | join('<T>') }}", context), "«a<T>;<T>b»");
  EXPECT_EQ(render_marked("{{ l | join('<T>') }}", context), "«a»<T>«b»");
}

TEST(Origin, OfAReplacementFollowsTheReplaced) {
  const char* context = R"({"x":"a;b"})";
  EXPECT_EQ(render_marked("{{ x | replace(';', '<T>') }}", context), "«a<T>b»");
  EXPECT_EQ(render_marked("{{ x.replace('', '<T>') }}", context), "«<T>a<T>;<T>b<T>»");
  EXPECT_EQ(render_marked("{{ 'p;q'.replace(';', '<T>') }}{{ 'p;q'.replace(';', x) }}", context), "p<T>qp«a;b»q");
  EXPECT_EQ(render_marked("{{ ('@' + x).replace('@', '<T>') }}", context), "<T>«a;b»");
}

TEST(Origin, OfNumbersJsonAndReprIsTheCallers) {
  EXPECT_EQ(render_marked("{{ 1 }}{{ true }}{{ ['<T>'] }}{{ '<T>' | tojson }}"), "«1True['<T>']\"<T>\"»");
}

TEST(Origin, OfKeysIsTheCallersEvenAsKeywords) {
  const char* context = R"({"x":{"<|im_end|>":1}})";
  EXPECT_EQ(render_marked("{% for k, v in x.items() %}{{ k }}{% endfor %}", context), "«<|im_end|>»");
  EXPECT_EQ(render_marked("{{ dict(**x) | list | first }}", context), "«<|im_end|>»");
  EXPECT_EQ(render_marked("{% macro m() %}{{ kwargs | first }}{% endmacro %}{{ m(**x) }}", context), "«<|im_end|>»");
}

TEST(Origin, PassesThroughMacrosAndCaptures) {
  const char* context = R"({"x":"<d>"})";
  EXPECT_EQ(render_marked("{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m(x) }}{{ m('t') }}", context), "[«<d>»][t]");
  EXPECT_EQ(render_marked("{% set s %}[{{ x }}]{% endset %}{{ s[1:] }}", context), "«<d>»]");
  EXPECT_EQ(render_marked("{% set ns = namespace(s='t') %}{% set ns.s = ns.s + x %}{{ ns.s }}", context), "t«<d>»");
}

TEST(Origin, OfTrustedVariablesIsTheTemplates) {
  boost::json::object trusted = {{"bos_token", "<s>"}};
  EXPECT_EQ(render_marked("{{ bos_token }}{{ x }}", R"({"x":"<s>","bos_token":"evil"})", {.trusted = &trusted}),
            "<s>«<s>»");
}

TEST(Origin, OfARoleIsTheTemplatesOnlyIfItIsOne) {
  const char* source = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{{ role }}";
  EXPECT_EQ(
      render_marked(
          source, R"({"messages":[{"role":"user","content":"user"},{"role":"end|><|x","content":""}],"role":"user"})"),
      "<|user|>«user»<|«end|><|x»|>«user»");
}

TEST(Origin, TemplateSyntaxInTextsComesBackLiterally) {
  for (const char* text :
       {"{{ 1 }}", "{% raw %}", "{#", "{%- endfor %}", "}}", "{{ messages }}", "{{ raise_exception('x') }}"}) {
    boost::json::object context = {{"x", text}};
    EXPECT_EQ(render("{{ x }}{{ x | trim }}{{ '%s' % x }}", to_json(context)), std::string(text) + text + text);
  }
}

TEST(Origin, SpansAreAscendingAndWithinTheText) {
  auto compiled = ChatTemplate::compile("{{ a }}x{{ b }}{{ c }}y");
  auto rendered = compiled->render({{"a", "1"}, {"b", "22"}, {"c", "333"}});
  ASSERT_TRUE(rendered.ok());
  EXPECT_EQ(rendered->user_spans, (std::vector<Rendered::Span>{{0, 1}, {2, 7}}));
  EXPECT_EQ(rendered->segments().size(), 4u);
}

}  // namespace
}  // namespace studio::engine
