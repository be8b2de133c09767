// Nothing a template or a context holds can make the interpreter crash, hang or fill the memory.
#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <functional>
#include <thread>

#include "engine/templates/render_for_test.h"

namespace studio::engine {
namespace {

using ::testing::TestWithParam;

std::string repeated(std::string_view text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

bool says(const std::string& output, std::string_view what) {
  return output.find(what) != std::string::npos;
}

TEST(Limits, EndlessTemplatesEndSoon) {
  const char* sources[] = {
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      "{% for i in range(100000) %}{% for j in range(100000) %}{{ x | length }}{% endfor %}{% endfor %}",
      "{% for i in range(100000) %}{% set y = x + x %}{% endfor %}",
      "{% for i in range(100000) %}{% set y = x | upper %}{% endfor %}",
      "{% for i in range(100000) %}{{ x in (x ~ 'a') }}{% endfor %}",
      "{% for i in range(100000) %}{% set y = x.split('a') | join('bb') | list | tojson %}{% endfor %}",
      "{% set ns = namespace(s='a') %}{% for i in range(100000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(100000) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
      "{% for i in range(100000) %}{{ x }}{% endfor %}",
      "{% for i in range(100000) %}{{ x.rfind(x[1:] ~ 'q') }}{% endfor %}",
      "{% for i in range(100000) %}{{ x | replace(x[:5000], 'b') }}{% endfor %}",
      "{% for i in range(100000) %}{{ range(100000) | sort | length }}{% endfor %}",
  };
  boost::json::object context = {{"x", repeated("a", 100'000)}};
  std::string text = to_json(context);
  for (const char* source : sources) {
    auto begin = std::chrono::steady_clock::now();
    std::string output = render(source, text);
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
    EXPECT_TRUE(says(output, "the chat template needs more than")) << source << "\n" << output.substr(0, 200);
#if defined(NDEBUG) && !defined(STUDIO_SANITIZED)
    EXPECT_LE(ms, 1000) << source;  // the bound in time is the released build's: 100 on an idle core
#endif
    RecordProperty("ms", static_cast<int>(ms));
  }
}

TEST(Limits, AreEachNamed) {
  EXPECT_TRUE(says(render("{{ 'a' * 100 }}", "{}", {.limits = {.string_bytes = 50}}), "50 bytes in a string"));
  EXPECT_TRUE(
      says(render("{{ 'a' * 40 }}{{ 'a' * 40 }}", "{}", {.limits = {.output_bytes = 50}}), "50 bytes of output"));
  EXPECT_TRUE(says(render("{{ [1] * 100 }}", "{}", {.limits = {.items = 50}}), "50 items in a list"));
  EXPECT_TRUE(says(render("{% for i in range(100) %}{% endfor %}", "{}", {.limits = {.steps = 50}}), "50 steps"));
  EXPECT_TRUE(says(render("{{ range(100001) }}"), "range() of more than 100000"));
  EXPECT_TRUE(says(render(repeated("x", kMaxTemplateBytes + 1)), "bytes long"));
  EXPECT_TRUE(says(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), "nests macro calls too deep"));
  EXPECT_TRUE(says(render(repeated("{% if 1 %}", 70) + repeated("{% endif %}", 70)), "nested more than 64 deep"));
  EXPECT_TRUE(says(render("{{ 'a' | map('map', 'map', 'map', 'map', 'map', 'map', 'map', 'map') | list }}"),
                   "nests filters too deep"));
}

TEST(Limits, HoldForIntegers) {
  EXPECT_TRUE(says(render("{{ 18446744073709551615 + 1 }}"), "integer over 64 bits"));
  EXPECT_TRUE(says(render("{{ 2 ** 64 }}"), "integer over 64 bits"));
  EXPECT_TRUE(says(render("{{ 2 ** 9999999999 }}"), "integer over 64 bits"));
  EXPECT_TRUE(says(render("{{ -(2 ** 63) - 1 }}"), "integer over 64 bits"));
  EXPECT_TRUE(says(render("{{ 99999999999999999999 }}"), "integer over 64 bits"));
  EXPECT_EQ(render("{{ 2 ** 63 - 1 }} {{ -(2 ** 63) }} {{ 1 ** 9999999999 }} {{ 10 ** 19 }}"),
            "9223372036854775807 -9223372036854775808 1 10000000000000000000");
}

TEST(Limits, HoldForValuesNestedByTheTemplate) {
  std::string output =
      render("{% set ns = namespace(l=[]) %}{% for i in range(1000) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}");
  EXPECT_TRUE(says(output, "nested more than 64 deep")) << output;
  // 2^60 leaves, all the same two: comparing and printing pay for each visit.
  std::string doubled =
      "{% set ns = namespace(l=[], m=[]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, "
      "ns.m] %}{% endfor %}";
  for (const char* use : {"{{ ns.l == ns.m }}", "{{ ns.l }}", "{{ ns.l | tojson }}", "{{ ns.l < ns.m }}",
                          "{{ [ns.l, ns.m] | unique | list }}"}) {
    EXPECT_TRUE(says(render(doubled + use), "error: ")) << use;
  }
}

TEST(Limits, HoldForTheContext) {
  boost::json::value deep = 1;
  for (int i = 0; i < 70; ++i) deep = boost::json::array{deep};
  auto compiled = ChatTemplate::compile("{{ x }}");
  auto rendered = compiled->render({{"x", deep}});
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().code(), Code::kInvalidArgument);
  EXPECT_FALSE(compiled->render({{"x", "\xff"}}).ok());
  EXPECT_FALSE(compiled->render({{"x", boost::json::object{{"\xed\xa0\x80", 1}}}}).ok());
}

// Runs f on a thread with the stack that the project grants its smallest threads.
void run_on_small_stack(const std::function<void()>& f) {
#if defined(NDEBUG) && !defined(STUDIO_SANITIZED)
  constexpr size_t kStackBytes = 128 << 10;  // the small stack is the released build's
#else
  constexpr size_t kStackBytes = 8 << 20;  // frames of unoptimised and sanitized code are many times larger
#endif
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStackBytes), 0);
  pthread_t thread;
  auto call = [](void* f) -> void* { return (*static_cast<const std::function<void()>*>(f))(), nullptr; };
  ASSERT_EQ(pthread_create(&thread, &attributes, call, const_cast<std::function<void()>*>(&f)), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

class DeepNesting : public TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(DeepNesting, FitsIntoASmallStackAtEveryDepth) {
  auto [open, close] = GetParam();
  run_on_small_stack([&, begin = std::string_view(open), end = std::string_view(close)] {
    for (size_t depth : {10, 20, 30, 31, 32, 40, 50, 60, 61, 62, 63, 64, 65, 100, 10'000}) {
      std::string inner = begin.starts_with("{%") ? "{{ 1 }}" : "1";
      std::string source = repeated(begin, depth) + inner + repeated(end, depth);
      if (inner == "1") source = "{{ " + source + " }}";
      render(source);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, DeepNesting,
    testing::Values(std::pair("(", ")"), std::pair("[", "]"), std::pair("{'a':", "}"), std::pair("-", ""),
                    std::pair("not ", ""), std::pair("(not ", ")"), std::pair("d|default(", ")"), std::pair("l[", "]"),
                    std::pair("l[1:", "]"), std::pair("1 is in [", "]"), std::pair("1 if 1 else ", ""),
                    std::pair("1 if (", ") else 2"), std::pair("1 or 1 and not 1 < 1 + 1 ~ 1 * 1 ** -(", ")"),
                    std::pair("range(", ")"), std::pair("1 + ", ""), std::pair("1 ~ ", ""),
                    std::pair("x|list|", "list"), std::pair("{% if 1 %}", "{% endif %}"),
                    std::pair("{% for i in [1] %}", "{% endfor %}"),
                    std::pair("{% for i in [1] if 1 %}{% if 1 %}", "{% endif %}{% endfor %}"),
                    std::pair("{% filter upper %}", "{% endfilter %}"), std::pair("{% set x %}", "{% endset %}"),
                    std::pair("{% with a = 1 %}", "{% endwith %}"), std::pair("{% macro m() %}", "{% endmacro %}"),
                    std::pair("{% generation %}", "{% endgeneration %}"), std::pair("{% set (", ",) = 1 %}")));

class DeepRecursion : public TestWithParam<const char*> {};

TEST_P(DeepRecursion, FitsIntoASmallStack) {
  // m calls itself n times; at the bottom there is work that recurses on its own.
  run_on_small_stack([] {
    for (int n = 1; n <= 33; ++n) {
      std::string source =
          "{% macro c(a) %}{{ caller() if caller is defined }}{{ a }}{% endmacro %}"
          "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l] %}{% endfor %}"
          "{% macro m(n) %}{% if n > 0 %}";
      source += GetParam();
      source +=
          "{% else %}{{ 'a' | map('map', 'map', 'map', 'map', 'map', 'upper') | list | length }}{{ ns.l }}"
          "{{ ns.l == [ns.l] }}{{ raise_exception(ns.l) }}{% endif %}{% endmacro %}";
      render(source + "{{ m(" + std::to_string(n) + ") }}");
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, DeepRecursion,
    testing::Values(
        "{{ m(n - 1) }}", "{{ c(c(c(c(m(n - 1))))) }}", "{{ c(*[c(*[c(*[m(n - 1)])])]) }}",
        "{{ x | default(m(n - 1) | default(m(n - 1))) }}", "{{ [[[[m(n - 1)]]]] }}",
        "{{ {'a': {'a': {'a': m(n - 1)}}} }}", "{% call c() %}{{ m(n - 1) }}{% endcall %}",
        "{% for i in [1] %}{% for i in [1] %}{% for i in [1] %}{{ m(n - 1) }}{% endfor %}{% endfor %}{% endfor %}",
        "{% for i in [1] if m(n - 1) %}{% endfor %}", "{% set q %}{% set q %}{{ m(n - 1) }}{% endset %}{% endset %}",
        "{{ 1 ~ (1 + (1 ~ (1 + (2 * m(n - 1))))) }}", "{{ 'abc'[m(n - 1)[m(n - 1):]:] }}",
        "{% with a = 1 %}{% with a = 1 %}{{ m(n - 1) }}{% endwith %}{% endwith %}",
        "{{ (((m(n - 1) if 1 else 2) if 1 else 2) if 1 else 2) }}", "{{ not (not (not (not (not m(n - 1))))) }}"));

TEST(Limits, OneTemplateServesManyThreads) {
  auto compiled = ChatTemplate::compile(
      "{% macro m(x) %}<{{ x }}>{% endmacro %}{% set ns = namespace(n=0) %}"
      "{% for m_ in messages %}{% set ns.n = ns.n + 1 %}{{ m(m_.content) }}{{ 'lit' ~ ns.n }}{% endfor %}");
  ASSERT_TRUE(compiled.ok());
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(8);
  for (size_t t = 0; t < outputs.size(); ++t) {
    threads.emplace_back([&, t] {
      boost::json::object context;
      context["messages"] = boost::json::array{{{"role", "user"}, {"content", std::to_string(t)}}};
      for (int i = 0; i < 200; ++i) outputs[t] = compiled->render(context)->text;
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t t = 0; t < outputs.size(); ++t) EXPECT_EQ(outputs[t], "<" + std::to_string(t) + ">lit1");
}

}  // namespace
}  // namespace studio::engine
