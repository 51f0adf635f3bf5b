"""Reading an edit: seeds, lines, knobs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillloop.bench import candidate

BASE = '''"""Doc."""
import torch
SEED = 1
RATE = 0.1  # rate; knob: 0.01..1 log
WIDE = 8  # knob: 4 | 8 | 16
torch.manual_seed(SEED)
generator = np.random.default_rng((3, epoch))
parser.add_argument("--seed", type=int, default=1)
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SEED = 1", "SEED = 1337"),
        ("SEED = 1", "SEED = int(time.time())"),
        ("manual_seed(SEED)", "manual_seed(SEED + 7)"),
        ("(3, epoch)", "(4, epoch)"),
        ("default=1)", "default=2)"),
        ('"""Doc."""', '"""Another."""  # with a comment'),
    ],
)
def test_a_change_of_seed_is_seen_as_one(old, new):
    assert candidate.reseeded(BASE, BASE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"), [("0.1", "0.2"), ("import torch", "import torch, os"), ("WIDE = 8", "WIDE = 16")]
)
def test_a_change_of_anything_else_is_not(old, new):
    assert not candidate.reseeded(BASE, BASE.replace(old, new).replace("SEED = 1", "SEED = 2"))


def test_what_does_not_parse_is_not_only_a_seed():
    assert not candidate.reseeded(BASE, BASE + "def (")


def test_lines_count_code_alone():
    longer = "# a comment\n\n" + BASE.replace('"""Doc."""', '"""A\nlonger\none."""')
    for text, lines in ((BASE, 7), (longer, 7), ("x = [\n  1,\n]\ndef f():\n  'Doc.'\n  return x\n", 3)):
        assert candidate.Candidate({candidate.EDITABLE: text}, "", "").size == lines


def test_declared_knobs():
    assert candidate.knobs(BASE) == [
        candidate.Knob("RATE", low=0.01, high=1.0, log=True),
        candidate.Knob("WIDE", choices=(4, 8, 16)),
    ]


@given(st.floats(0.001, 1000) | st.integers(0, 10**6) | st.text(max_size=8))
def test_a_constant_is_set_and_its_comment_stays(value):
    text = candidate.with_constant(BASE, "RATE", value)
    names = {}
    exec(next(line for line in text.splitlines() if line.startswith("RATE")), names)
    assert names["RATE"] == value
    assert text.replace(repr(value), "0.1", 1) == BASE or repr(value) in BASE


def test_a_constant_over_several_lines_is_replaced_whole():
    assert candidate.with_constant("ü = 1; A = (\n  1,\n  2)  # c\n", "A", 3) == "ü = 1; A = 3  # c\n"


def test_an_unknown_constant_is_an_error():
    with pytest.raises(KeyError):
        candidate.with_constant(BASE, "DEPTH", 3)
