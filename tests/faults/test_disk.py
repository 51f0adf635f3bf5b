"""A disk that really is full, and a limit on the size of files: an error in words, the file as it was, and on it goes."""

import os
import shutil
import subprocess
from contextlib import suppress

import pytest
import world as worlds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PAGE = 4096


def told(code, message, world, act):
    """What is wrong with how a failure was told."""
    if code not in {0, 70}:
        yield f"exit {code}: {message[-800:]}"
    if code == 0 and world.live() != worlds.TARGET[act]:
        yield "it said done and the file is the old one"
    if "nothing was changed" in message and world.live() != worlds.OLD:
        yield "it said nothing was changed and the file is the new one"


@pytest.mark.parametrize("act", ["publish", "rollback"])
def test_no_limit_on_the_size_of_files_breaks_a_promise(zygote, template, scene, record_property, act):
    found, failed = [], 0
    largest = max(path.stat().st_size for path in template.folder.rglob("*"))
    limits = range(0, 2 * largest, 512)
    for limit in limits:
        world = template.copy_to(scene)
        code, message = zygote.run(act, world, limit=limit)
        failed += code == 70
        found += [f"{limit}: {each}" for each in told(code, message, world, act)]
        found += [f"{limit}: {each}" for each in worlds.violations(world, act)]
    assert found == []
    assert 10 < failed < len(limits)
    record_property("faults", f"file size limit, {act}: {len(limits)} points, {failed} told, 0 violations")


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder, pages):
    """Fill the disk up to so many free pages; the filler."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * PAGE)
    assert shutil.disk_usage(folder).free == 0
    os.truncate(filler, filler.stat().st_size // PAGE * PAGE - pages * PAGE)
    return filler


@pytest.mark.parametrize("act", ["publish", "rollback"])
def test_a_full_disk_breaks_no_promise(zygote, small_disk, record_property, act):
    world = worlds.make(small_disk / "scene")
    kept = {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    found, failed = [], 0
    for pages in range(65):
        filler = fill(small_disk, pages)
        code, message = zygote.run(act, world)
        failed += code == 70
        found += [f"{pages}: {each}" for each in told(code, message, world, act)]
        filler.unlink()
        found += [f"{pages}: {each}" for each in worlds.violations(world, act)]
        for path in world.folder.rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()
        for path, data in kept.items():
            path.write_bytes(data)
    assert found == []
    assert 3 < failed < 65
    record_property("faults", f"full disk, {act}: 65 levels, {failed} told, 0 violations")


@pytest.mark.parametrize("act", ["publish", "rollback", "recover"])
def test_a_read_only_disk_is_told_and_nothing_changes(zygote, small_disk, act):
    world = worlds.make(small_disk / "scene")
    worlds.leave_open(world, "staged")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, message = zygote.run(act, world)
    assert (code, "Read-only file system" in message or "cannot be" in message) == (70, True), message
    assert (world.live(), len(world.leftovers())) == (worlds.OLD, 1)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert list(worlds.violations(world, act)) == []


@pytest.mark.parametrize("where", ["home", "skills/web", "skills/web/SKILL.md"])
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o500, 0o111, 0o444, 0o555])
def test_what_may_not_be_written_is_left_with_its_mode(zygote, template, scene, where, mode):
    if os.geteuid() == 0 and where != "skills/web/SKILL.md":
        pytest.skip("root may write everywhere")
    world = template.copy_to(scene)
    path = world.folder / where
    path.chmod(mode)
    code, message = zygote.run("publish", world)
    assert (code, path.stat().st_mode & 0o777) == (70, mode), message
    path.chmod(0o700 if path.is_dir() else 0o600)
    assert world.live() == worlds.OLD
    assert list(worlds.violations(world, "publish")) == []
