#!/usr/bin/env bash
# What the GitHub Action runs. Everything comes in through the environment.
set -euo pipefail

# An empty input is one that was not given.
for name in HOPLINT_TARGET HOPLINT_HEARTBEAT HOPLINT_FAIL_ON; do
    [ -n "${!name:-}" ] || unset "$name"
done

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
if [ "${INPUT_ONLY_NEW:-false}" = true ] && [ -n "${INPUT_BASE:-}" ]; then
    arguments+=(--diff-base "$INPUT_BASE")
fi
read -r -d '' -a paths <<<"${INPUT_PATHS:-.}" || true

exec "$hoplint" check "${arguments[@]}" -- "${paths[@]}"
