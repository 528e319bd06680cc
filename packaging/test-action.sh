#!/usr/bin/env bash
# Runs what the GitHub action runs, with the variables that a runner sets, in a scratch repository. Needs target/debug/hoplint.
set -euo pipefail
self=$(realpath "$0")
cd "$(dirname "$0")/.."
top=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
export HOPLINT_BIN=$top/target/debug/hoplint GITHUB_ACTIONS=true GITHUB_ACTION_PATH=$top RUNNER_TEMP=$scratch
mkdir -p "$scratch/site/nginx/conf.d"
cd "$scratch/site"
git init --quiet
printf 'events {}\nhttp {\n    include conf.d/*.conf;\n}\n' >nginx/nginx.conf
route='server {\n    listen PORT;\n    location = /ws {\n        proxy_set_header Upgrade $http_upgrade;\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n'
printf "${route/PORT/8080}" >'nginx/conf.d/old.conf'
git add --all && git commit --quiet -m old
base=$(git rev-parse HEAD)
printf "${route/PORT/8081}" >'nginx/conf.d/new site.conf'
git add --all && git commit --quiet -m new

passed=0
# expect CODE TEXT NAME=VALUE...: the action ends with that code and says that.
expect() {
    local code=0 wanted=$1 text=$2 said
    shift 2
    : >"$scratch/output"
    : >"$scratch/summary"
    said=$(env GITHUB_OUTPUT="$scratch/output" GITHUB_STEP_SUMMARY="$scratch/summary" "$@" bash "$top/packaging/action.sh" 2>&1) || code=$?
    if [ "$code" != "$wanted" ] || ! grep -qF -- "$text" <<<"$said" || ! grep -qx "exit-code=$wanted" "$scratch/output"; then
        printf '%s: exit %s, expected %s and "%s":\n%s\n' "$*" "$code" "$wanted" "$text" "$said"
        cat "$scratch/output"
        exit 1
    fi
    passed=$((passed + 1))
    last=$said
}

# Empty inputs are the defaults that action.yml hands over.
none=(INPUT_PATHS=. INPUT_VERSION= INPUT_ONLY_NEW=false INPUT_SARIF_FILE= INPUT_BASE= HOPLINT_TARGET= HOPLINT_HEARTBEAT= HOPLINT_FAIL_ON= HOPLINT_MIN_LEVEL=)
expect 1 '::error file=nginx/conf.d/old.conf,line=' "${none[@]}"
grep -qF 'findings: ' "$scratch/summary"
grep -q '^summary=.* findings: ' "$scratch/output"
expect 0 '::error' "${none[@]}" HOPLINT_FAIL_ON=never
expect 1 '::error' "${none[@]}" HOPLINT_MIN_LEVEL=warning
! grep -q '^::notice' <<<"$last"
# Every input that the script reads is handed over by action.yml, and so is every variable that is tried here.
for name in $(grep -ohE '\b(INPUT|HOPLINT)_[A-Z_]+' "$top/packaging/action.sh" "$self" | sort -u | grep -v HOPLINT_BIN); do
    grep -qE "^ +$name: " "$top/action.yml" || { echo "action.yml does not set $name"; exit 1; }
done
expect 1 '::error file=nginx/conf.d/new site.conf' "${none[@]}" INPUT_ONLY_NEW=true INPUT_BASE="$base"
! grep -qF old.conf <<<"$last"
expect 1 'no pull request to compare with' "${none[@]}" INPUT_ONLY_NEW=true
expect 2 'is no commit of this repository' "${none[@]}" INPUT_ONLY_NEW=true INPUT_BASE=0123456789012345678901234567890123456789
expect 1 '::error' "${none[@]}" INPUT_SARIF_FILE="$scratch/hoplint.sarif" HOPLINT_TARGET=nginx=1.22 HOPLINT_HEARTBEAT=30s
grep -qF '"version": "2.1.0"' "$scratch/hoplint.sarif"
expect 1 '::error' "${none[@]}" INPUT_PATHS=$'nginx/nginx.conf\nnginx/conf.d/old.conf'
expect 2 'nginx=old' "${none[@]}" HOPLINT_TARGET=nginx=old
# Inputs are words, never commands.
expect 2 'no such file or directory' "${none[@]}" INPUT_PATHS='$(touch${IFS}hacked);--fix'
[ ! -e hacked ] && git diff --quiet
printf '%s passed, 0 failed\n' "$passed"
