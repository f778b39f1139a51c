#!/usr/bin/env bash
# Three in the morning, as docs/how-to/night.md has it: an alert fires, the operator looks, asks what a change would have
# done, makes it, watches the rate fall, and takes it back. On an embedded stack with an ordinary worker; made-up traffic;
# three minutes. Needs `make demo` or `make test` to have been run once. Ends everything it started.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/.venv/bin:$PATH" PYTHONPATH="$PWD" COLUMNS="${COLUMNS:-110}" LOGNAME=ops
while read -r name; do unset "$name"; done < <(compgen -e | grep '^TIDEGATE_' || true)  # another deployment's

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
say() { printf '\n'; printf '# %s\n' "$@"; }
show() {  # show COMMAND...: as somebody would have typed it
  printf '\n$'
  for word in "$@"; do
    if [[ $word == *[\ *]* ]]; then printf " '%s'" "$word"; else printf ' %s' "${word/$work\//}"; fi
  done
  printf '\n'
}
run() { show "$@"; "$@"; }
refused() { show "$@"; "$@" < /dev/null || printf '(exit code %s)\n' "$?"; }
until_seen() {  # until_seen SECONDS TEXT COMMAND...: until the command's output holds the text
  local end=$((SECONDS + $1)) text=$2
  shift 2
  until "$@" 2>/dev/null | grep -q "$text"; do
    ((SECONDS < end)) || { echo "not seen in time: $text" >&2; exit 1; }
    sleep 1
  done
}

TIDEGATE_POLICY_FILE=docs/night/policy.toml TIDEGATE_SERVE_PORT=0 tidegate up > "$work/up.log" 2>&1 &
pids+=($!)
until_seen 60 "follows is the log" cat "$work/up.log"
eval "$(grep '^export ' "$work/up.log")"
until_seen 60 '"ready": true' curl -s "$(sed -n 's/^worker *//p' "$work/up.log")"
mkfifo "$work/traffic"
python docs/night/traffic.py 150 15 > "$work/traffic" 2> "$work/traffic.log" &
pids+=($!)
tidegate send - < "$work/traffic" > "$work/send.log" 2>&1 &
pids+=($!)

say "02:58. Somebody is woken by an alert."
until_seen 90 '"state": "firing"' tidegate alerts --json
run tidegate alerts
say "Whose answers are they, and which label is it?"
run tidegate rates --scope '*=*' --measure 'label.*'
tidegate tail decisions --until-end > "$work/decisions"
run grep -m 4 "flag.*banter" "$work/decisions"

say "A route of theirs named banter: a pirate who mocks the player, which is the game. What would it have done to hold" \
  "that route to another threshold? Asked of the decisions made so far; nothing changes."
tidegate policy show > "$work/candidate.toml"
cat >> "$work/candidate.toml" <<'TOML'

[[scopes]]
tenant = "pixel-arena"
route = "banter"
labels.toxicity = { flag = 0.95 }
TOML
run tail -n 4 "$work/candidate.toml"
run tidegate policy check "$work/candidate.toml" --live
run tidegate policy what-if "$work/candidate.toml" --since 10m

say "At three in the morning fingers slip. Nothing happens, and it says why."
refused tidegate policy set labels.toxicity.flag 1.4 --tenant pixel-arena --route banter --reason "banter"
refused tidegate policy set labels.toxicty.flag 0.95 --tenant pixel-arena --route banter --reason "banter"
say "To stop blocking for them altogether would be simpler. It says what that opens, and asks."
refused tidegate policy set labels.toxicity.block off --tenant pixel-arena --reason "banter"

say "So: one line, with a reason."
run tidegate policy set labels.toxicity.flag 0.95 --tenant pixel-arena --route banter --reason "the pirate is the game"
run tidegate policy status

say "The rate falls, and the alert resolves."
for _ in 1 2 3; do
  run tidegate rates --scope 'tenant=pixel-arena' --measure 'label.toxicity'
  sleep 5
done
until_seen 60 '"state": "resolved"' tidegate alerts --json
run tidegate alerts

say "08:30. The studio would rather have its banter reviewed as before: it is taken back. What was, stays on the log."
run tidegate policy rollback --reason "the studio reviews it itself"
run tidegate policy history
