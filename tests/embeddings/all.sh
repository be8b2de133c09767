# Every part against the server of run.sh; the sum of their counts last. The raw part ends workers, so it comes last.
set -u
passed=0 failed=0
for part in openai dashscope ollama raw; do
  case $part in
    raw) python=python3 script=tests/embeddings/raw.py ;;
    *) python=build/venv/$part-python/bin/python script=tests/embeddings/with_$part.py ;;
  esac
  output=$("$python" "$script" 2>&1) || true
  echo "== $part"
  echo "$output"
  counts=$(tail -n 1 <<< "$output")
  if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed, 0 skipped"
exit "$((failed > 0))"
