# Shared by run and test: the checks and the install, each done only when needed.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SKIP_FFMPEG=true # node-av's install step would fetch an ffmpeg program that nothing here uses

need_node() {
  if ! command -v node >/dev/null || ! node -e '
      const [major, minor] = process.versions.node.split(".").map(Number);
      process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'; then
    echo "Tessera needs Node.js 20.19 or newer (https://nodejs.org)." >&2
    exit 1
  fi
}

# Runs a command only if its inputs changed since it last succeeded: once NAME COMMAND INPUT...
once() {
  local name=$1 command=$2 stamp
  shift 2
  stamp=$(find "$@" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  if [ "$(cat "node_modules/.tessera-$name" 2>/dev/null)" = "$stamp" ]; then return; fi
  $command || return
  mkdir -p node_modules
  echo "$stamp" >"node_modules/.tessera-$name"
}

install_packages() { once install "npm ci --no-audit --no-fund" package-lock.json package.json; }

build() {
  [ -f dist/server/main.js ] && [ -f dist/client/index.html ] || rm -f node_modules/.tessera-build
  once build "npm run --silent build" src client scripts/sdk tsconfig.json package.json package-lock.json
}
