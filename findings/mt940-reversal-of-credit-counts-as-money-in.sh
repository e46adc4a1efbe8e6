#!/usr/bin/env bash
# PyPI mt-940 5.1.1, seen 28/11/2026.
#
# Field 61 of MT940 marks an entry C, D, RC or RD. RC is the reversal of a credit: money that came in goes back, so the
# balance falls. Expected: a negative amount, as for D, since the library gives D a negative one.
# Seen: RC has a positive amount, so a reader that adds the amounts counts money that left as money that came.
# Opening 1.000.000, +100.000 (C), -20.000 (RC), -10.000 (D) is the closing 1.070.000 of the statement below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet install 'mt-940==5.1.1'
cat >"$work/try.py" <<'PY'
import mt940

statement = """:20:INVENTED
:25:00112233
:28C:1/1
:60F:C260615VND1000000,
:61:2606150615C100000,NTRFA1
:86:invented payment
:61:2606150615RC20000,NTRFA2
:86:the payment of yesterday is taken back
:61:2606150615D10000,NTRFA3
:86:invented fee
:62F:C260615VND1070000,
"""
entries = [(entry.data["status"], int(entry.data["amount"].amount)) for entry in mt940.parse(statement)]
print("entries:", entries)
total = 1_000_000 + sum(amount for _, amount in entries)
print("opening and entries:", total, "- the statement closes with 1070000")
assert entries == [("C", 100_000), ("RC", 20_000), ("D", -10_000)], "the sign of RC is another now"
assert total == 1_110_000
PY
"$work/venv/bin/python" "$work/try.py"
echo 'as described: RC counts as money that came in'
