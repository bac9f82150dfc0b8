#!/usr/bin/env bash
# Installs the Debian packages of the named lists that are missing, and says which and what for. Asks for nothing.
set -euo pipefail

missing=()
for list in "$@"; do
  while read -r package purpose; do
    [[ -z $package || $package == \#* ]] && continue
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
      missing+=("$package")
      printf '  %-20s %s\n' "$package" "$purpose" >&2
    fi
  done <"$list"
done
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
  echo "The packages above are missing and there is no apt-get here. Install what your system calls them; the build goes on with what it finds." >&2
  exit 0
fi
as_root=()
if [[ $(id -u) != 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "The packages above are missing. Ask an administrator for: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
echo "Installing them with apt-get ..." >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
if ! install; then
  "${as_root[@]}" apt-get update >>"$log" 2>&1 || true
  install || { cat "$log" >&2; echo "apt-get could not install them; its words are above. As root: apt-get install ${missing[*]}" >&2; exit 1; }
fi
