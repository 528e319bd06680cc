#!/usr/bin/env bash
# What the GitHub Action runs. Everything comes in through the environment.
set -euo pipefail

if [ -n "${HOPLINT_BIN:-}" ]; then
    hoplint="$HOPLINT_BIN"
else
    tools="${RUNNER_TEMP:?}/hoplint"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "hoplint${INPUT_VERSION:+==$INPUT_VERSION}"
    hoplint="$tools/bin/hoplint"
fi

arguments=(--output github)
if [ -n "${INPUT_SARIF_FILE:-}" ]; then
    arguments+=(--output "sarif=$INPUT_SARIF_FILE")
fi
if [ "${INPUT_ONLY_NEW:-false}" = true ]; then
    if [ -n "${INPUT_BASE:-}" ]; then
        arguments+=(--diff-base "$INPUT_BASE")
    else
        echo "::notice title=hoplint::only-new has no pull request to compare with: everything is reported"
    fi
fi
read -r -d '' -a paths <<<"${INPUT_PATHS:-.}" || true

report=$(mktemp)
code=0
"$hoplint" check "${arguments[@]}" -- "${paths[@]}" | tee "$report" || code=${PIPESTATUS[0]}
# The last line says how many there are; the others are annotations.
summary=$(tail -n 1 "$report" | grep -v '^::' || true)
rm -f "$report"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    printf '### hoplint\n\n%s\n' "${summary:-could not check}" >>"$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'summary=%s\nexit-code=%s\n' "$summary" "$code" >>"$GITHUB_OUTPUT"
fi
exit "$code"
