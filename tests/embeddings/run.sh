#!/usr/bin/env bash
# Embeddings and rerank through a real server by real clients. Usage: tests/embeddings/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/encoders/weights.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 tools/convert_e5.py "$e5" "$work/e5-small.gguf"
"$python" tests/embeddings/reference.py "$folder" "$e5" > "$work/reference.json"
export EMBED_REFERENCE=$work/reference.json PYTHONPATH=tests/lib:tests/embeddings
for client in openai dashscope ollama; do tools/python_env.sh "$client-python" > /dev/null; done
python3 tests/lib/server.py --model "$folder" --model "$work/e5-small.gguf" --model tests/golden/encoders/tiny-ranker --model tiny -- \
  bash tests/embeddings/all.sh
