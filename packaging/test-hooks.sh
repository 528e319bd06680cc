#!/usr/bin/env bash
# Runs the real pre-commit against this repository: the hook with the ready-made wheel, the one that compiles, and the one that
# uses an installed program. Needs python3 and cargo; pre-commit and maturin come into a virtual environment below target/.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
tools=$top/target/hook-tools
[ -x "$tools/bin/pre-commit" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet pre-commit 'maturin>=1.8,<2' setuptools wheel; }

# The wheel of this state, and a folder from which pip takes it instead of from the registry.
rm -rf target/wheels
(cd packaging/python && "$tools/bin/maturin" build --quiet --profile dev --locked --out "$top/target/wheels")
"$tools/bin/pip" download --quiet --no-deps --dest target/wheels setuptools wheel

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PRE_COMMIT_HOME=$scratch/cache PIP_FIND_LINKS=$top/target/wheels PIP_NO_INDEX=1
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t

# The state of the work tree as a repository of its own, as a user's pre-commit would clone it.
mkdir "$scratch/hoplint"
git ls-files --cached --others --exclude-standard -- .pre-commit-hooks.yaml setup.py README.md Cargo.toml Cargo.lock src rules xtask \
    benches tests/conformance/main.rs tests/rules.rs | tar --create --files-from - | tar --extract --directory "$scratch/hoplint"
git -C "$scratch/hoplint" init --quiet
git -C "$scratch/hoplint" add --all
git -C "$scratch/hoplint" commit --quiet -m hooks
revision=$(git -C "$scratch/hoplint" rev-parse HEAD)

mkdir -p "$scratch/site/nginx/conf.d"
cd "$scratch/site"
git init --quiet
cat >nginx/nginx.conf <<'CONF'
events {}
http {
    proxy_http_version 1.1;
    include conf.d/*.conf;
}
CONF
cat >nginx/conf.d/chat.conf <<'CONF'
server {
    listen 8080;
    location /ws/ {
        proxy_set_header Upgrade $http_upgrade;
        proxy_pass http://127.0.0.1:3000;
    }
}
CONF
printf '[program:app]\ncommand=/bin/true\n' >supervisor.conf

expect() { # expect CODE TEXT HOOK [FILES...]; without files all of them
    set +e
    local which=(--all-files)
    [ $# -le 3 ] || which=(--files "${@:4}")
    said=$("$tools/bin/pre-commit" run "$3" "${which[@]}" 2>&1)
    code=$?
    set -e
    if [ "$code" != "$1" ] || ! grep -qF "$2" <<<"$said"; then
        printf 'hook %s: exit %s, expected %s and "%s":\n%s\n' "$3" "$code" "$1" "$2" "$said"
        exit 1
    fi
    printf 'hook %s: exit %s, as expected\n' "$3" "$code"
}

# Unoptimised, since it is only to be seen that it compiles and runs.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
export CARGO_TARGET_DIR=$top/target/hook-from-source
for hook in hoplint hoplint-system hoplint-src; do
    printf 'repos:\n- repo: %s\n  rev: %s\n  hooks:\n  - id: %s\n' "$scratch/hoplint" "$revision" "$hook" >.pre-commit-config.yaml
    git add --all
    PATH="$top/target/debug:$PATH" expect 1 'websocket/connection-not-forwarded' "$hook"
    sed -i 's/        proxy_pass/        proxy_set_header Connection "upgrade";\n        proxy_read_timeout 1h;\n        proxy_pass/' nginx/conf.d/chat.conf
    git add --all
    PATH="$top/target/debug:$PATH" expect 0 'Passed' "$hook"
    sed -i '/Connection/d; /read_timeout/d' nginx/conf.d/chat.conf
done

# One file by itself: what makes it a WebSocket route, and what it lacks, stands in the file that includes it.
sed -i 's/    include/    proxy_set_header Upgrade $http_upgrade;\n    include/' nginx/nginx.conf
printf 'server {\n    listen 8081;\n    location = /live {\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n' >nginx/conf.d/live.conf
git add --all
expect 1 'nginx/conf.d/live.conf:4' hoplint-src nginx/conf.d/live.conf
sed -i 's/    include/    proxy_set_header Connection "upgrade";\n    include/' nginx/nginx.conf
git add --all
expect 0 'Passed' hoplint-src nginx/conf.d/live.conf
echo '8 passed, 0 failed'
