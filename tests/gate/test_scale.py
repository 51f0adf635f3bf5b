"""What a check costs: little on a long skill, and no line of anything makes one of them crawl.

The limits only catch what is not linear, which takes minutes: what a check costs is measured in `bench/gate.py`.
"""

import runpy
from pathlib import Path

import pytest

from skillloop import gate

BENCH = runpy.run_path(str(Path(__file__).parents[1] / "bench" / "gate.py"))
SMALL, LONG = BENCH["skill"](40), BENCH["skill"](500)
GAPS = ["  \n", "\n", "\t", " ,", " -", "? ", "... ", "' ", '."', "( ", " (", "no, ", "don't ", " — "]
CHECKS = pytest.mark.parametrize("check", gate.CHECKS, ids=map(BENCH["name"], gate.CHECKS))


@CHECKS
def test_a_check_is_quick_on_a_long_skill(check):
    assert BENCH["timed"](check, lambda: BENCH["edit"](LONG), 5) < 200


@CHECKS
@pytest.mark.parametrize("unit", [" ", "`", "key=", "不", "A1b2", "[]("])
def test_a_check_is_quick_beside_a_megabyte(check, unit):
    for where, made in BENCH["megabytes"](unit, SMALL):
        assert BENCH["timed"](check, made, 1) < 4_000, where


@pytest.mark.slow
@CHECKS
def test_a_check_is_quick_beside_a_megabyte_of_anything(check):
    for unit in [*BENCH["AWKWARD"], *GAPS]:
        for where, made in BENCH["megabytes"](unit, SMALL):
            if "\n" not in unit or where.startswith("said"):
                assert BENCH["timed"](check, made, 1) < 4_000, where


@pytest.mark.slow
@pytest.mark.parametrize("unit", [*BENCH["AWKWARD"], *GAPS])
def test_a_megabyte_by_hand_is_refused_at_once(unit):
    assert (
        BENCH["timed"](lambda *given: gate.judge(*given).checks, lambda: BENCH["added"](unit, SMALL), 1)
        < 4_000
    )
