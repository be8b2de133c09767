#!/usr/bin/env bash
# The long form: the lists are compared with the installed SDKs' types first, then everything is asked of the server.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
for sdk in openai anthropic ollama; do
  "$root/tools/python_env.sh" "$sdk-python" >/dev/null
  "$root/build/venv/$sdk-python/bin/python" "$here/vendor_types.py" "$sdk" --check
done
python3 "$here/dashscope_fields.py" --check
exec python3 "$here/run.py" "$@"
