import time

import pytest

from skillloop.config.sections import Config
from skillloop.gate import risk
from skillloop.gate.input import GateInput

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"  # a shape, not a token
SKILL = "---\nname: x\ndescription: y\n---\n# X\n\n- Keep it short.\n"


def findings(*lines, base=SKILL):
    inputs = GateInput(base=base, text=base + "".join(f"{line}\n" for line in lines), config=Config())
    return [check for check in risk.secrets(None, inputs) if not check.passed]


def test_a_credential_in_an_added_line_is_refused_and_not_shown():
    [check] = findings(f"- Log in with {TOKEN} to push.")
    assert check.hard
    assert "github" in check.detail
    assert TOKEN not in check.detail


def test_a_credential_in_pieces_is_refused():
    assert findings(f'- Use "{TOKEN[:9]}" + "{TOKEN[9:]}" as the token.')
    assert findings(f"- {TOKEN[:9]}", f"- {TOKEN[9:]}")
    assert findings("- The password", "- is Xk29!vbQ")


def test_two_harmless_lines_that_make_one_key_are_refused():
    base = SKILL + "-----" + "BEGIN RSA PRIVATE KEY-----\n"
    assert findings("MIIEpAIBAAKCAQEA7bq98xZ2f4", base=base)[0].hard


def test_what_the_skill_had_is_not_held_against_an_edit():
    assert findings("- Keep it shorter.", base=SKILL + f"- {TOKEN}\n") == []


def test_a_long_random_token_goes_to_a_person():
    [check] = findings("- Use runner a8Kq2ZpX9vLm3Rt7Wc1YbN0s for builds.")
    assert not check.hard
    assert "a8Kq2ZpX9vLm3Rt7" not in check.detail


def test_ordinary_rules_about_secrets_pass():
    rules = [
        "- Never print tokens or passwords.",
        "- Read the API key from $SERVICE_API_KEY.",
        "- password=<from the vault>",
    ]
    assert findings(*rules, "- Pin actions/checkout@8ade135a41bc03ea155e62e844d188df1ea18608.") == []


def test_a_long_skill_is_judged_quickly():
    base = SKILL + "\n".join(
        f"- Rule {n}: keep the parser small and test it with real files." for n in range(500)
    )
    findings("- warm up", base=base)
    start = time.process_time()
    findings("- Keep it shorter.", base=base)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("gap", [0, 1, risk.REACH - len(TOKEN) // 2, risk.REACH, 2 * risk.REACH])
def test_how_far_a_credential_of_the_skill_is_from_the_edit_makes_no_difference(gap):
    base = SKILL + f"- {TOKEN}\n" + ("- " + "a " * 40 + "\n") * (gap // 83) + "a" * (gap % 83) + "\n"
    assert findings("- Keep it shorter.", base=base) == []
    assert findings(f"- {TOKEN[:-1]}9", base=base)[0].hard


def test_what_changed_is_seen_with_what_stands_around_it():
    base, text = "a" * 30_000 + "\nold\n" + "b" * 30_000, "a" * 30_000 + "\nnew one\n" + "b" * 30_000
    seen = risk.changed(base, text)
    assert seen.strip("ab") == "\nnew one\n"
    assert 2 * risk.REACH <= len(seen) < 2 * risk.REACH + 20
    assert risk.changed(base, base) == ""
