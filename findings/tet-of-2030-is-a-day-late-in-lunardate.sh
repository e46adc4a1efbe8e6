#!/usr/bin/env bash
# PyPI lunardate 0.3.0 and holidays 0.109, seen 28/11/2026.
#
# Working days in Vietnam need the lunar new year (Tết). Expected: a lunar calendar library gives its day.
# Seen: lunardate gives 3 February 2030. The new moon falls before midnight at UTC+7 and after it at UTC+8, so the
# Vietnamese month begins a day before the Chinese one: Tết of 2030 is 2 February, as holidays (country VN) has it.
# In most years both agree, so a test with this year's Tết finds nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet install 'lunardate==0.3.0' 'holidays==0.109'
cat >"$work/try.py" <<'PY'
import warnings
from datetime import date

import holidays
from lunardate import LunarDate

warnings.simplefilter("ignore")
differ = []
for year in range(2024, 2036):
    reckoned = LunarDate(year, 1, 1).toSolarDate()
    vietnamese = holidays.VN(years=year, language="en_US")
    tet = min(day for day, name in vietnamese.items() if name == "Lunar New Year")
    print(year, "lunardate", reckoned, "holidays VN", tet)
    if reckoned != tet:
        differ.append((year, reckoned, tet))
assert differ == [(2030, date(2030, 2, 3), date(2030, 2, 2))], differ
PY
"$work/venv/bin/python" "$work/try.py"
echo 'as described: only the Tết of 2030 differs, by a day'
