#!/usr/bin/env bash
# The chat template interpreter against jinja2, and the origin of every byte it prints.
# Usage: tests/templates/run.sh [BUILD_DIR [CONVERSATIONS [PROPERTY_CONVERSATIONS]]]
# BUILD_DIR needs the target render_tool. STUDIO_MODELS: a folder of GGUF files whose templates are tried, too;
# STUDIO_TEMPLATES: a folder of further *.jinja. Needs python3-jinja2.
set -uo pipefail
cd "$(dirname "$0")/../.."
tool=${1:-${STUDIO_BUILD:-build/release}}/tests/templates/render_tool
out=$(/usr/bin/python3 tests/templates/differential.py "$tool" "${2:-2000}"
  /usr/bin/python3 tests/templates/origin.py "$tool" "${3:-2000}")
grep -v -E '^[0-9]+ passed' <<<"$out"
awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p += $1; f += $3; s += $5; n++ }
     END { if (n < 2) f++; printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }' <<<"$out"
