"""Runs of a study: what is made, what is kept, what is told, whatever happens meanwhile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from odd import Choosy, Deadly, Faulty, Locked, like_small
from small import PHOTOS, assert_same, contents, explained, network

from layerlore.errors import FileFormatError, ModelError, OutputError, SettingError, StudyError
from layerlore.network.photos import read_photo
from layerlore.study import worker
from layerlore.study.backends import Pool, check_backend, results
from layerlore.study.folder import run_lock
from layerlore.study.reading import shard_images
from layerlore.study.study import Study
from layerlore.study.worker import Plan, Result, Task, choose_device
from layerlore.versions import present_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    MakeStudy = Callable[..., Study]


def test_a_run_explains_every_photo_as_explain_batch_does(make_study: MakeStudy) -> None:
    study = make_study()
    told: list[tuple[int, int]] = []
    threads = torch.get_num_threads()
    result = study.run(workers=1, progress=lambda *done: told.append(done))
    assert (result.explained, result.already, result.failed, result.new_set) == (PHOTOS, 0, {}, False)
    assert told == [(0, 40), (16, 40), (32, 40), (40, 40)]
    assert torch.get_num_threads() == threads
    status = study.status()
    assert status.complete
    assert (status.shards, status.running, status.damaged) == (3, "", ())

    read = list(study.explanations())
    assert len(read) == PHOTOS
    batches = [batch for images in shard_images(study.images, 16) for batch in shard_images(images, 8)]
    direct = [one for batch in batches for one in explained(study, batch)]
    for ours, theirs in zip(read, direct, strict=True):
        for part in ("photo", "target", "predictions", "layers", "flow", "seed", "method"):
            assert_same(getattr(ours, part), getattr(theirs, part), part)
    assert [image.predicted for image in study.images] == [one.predictions[0].index for one in read]
    assert [image.top5 for image in study.images] == [one.predictions for one in read]


def test_a_second_run_touches_nothing(make_study: MakeStudy, filled: dict[str, bytes]) -> None:
    study = make_study()
    study.run(workers=1)
    assert contents(study.folder) == filled
    times = {path: path.stat().st_mtime_ns for path in study.folder.rglob("*.parquet")}
    result = study.run(workers=1)
    assert (result.explained, result.already, result.failed, result.new_set) == (0, PHOTOS, {}, False)
    assert {path: path.stat().st_mtime_ns for path in study.folder.rglob("*.parquet")} == times


def test_two_workers_make_the_same_bytes_as_one(make_study: MakeStudy, filled: dict[str, bytes]) -> None:
    study = make_study()
    assert study.run(workers=2).explained == PHOTOS
    assert contents(study.folder) == filled


def test_missing_shards_alone_are_made(make_study: MakeStudy, filled: dict[str, bytes]) -> None:
    study = make_study()
    study.run(workers=1)
    study.shards[1].unlink()
    (study.folder / "explanations" / ".part-x.parquet.abc.part").write_text("left by a killed run")
    kept = study.shards[0].stat().st_mtime_ns
    result = study.run(workers=1)
    assert (result.explained, result.already) == (16, 24)
    assert contents(study.folder) == filled
    assert study.shards[0].stat().st_mtime_ns == kept


def test_other_settings_begin_a_new_set_beside_the_old(make_study: MakeStudy, filled: dict[str, bytes]) -> None:
    study = make_study()
    study.run(workers=1)
    result = study.run(workers=1, seed=7)
    assert (result.explained, result.already, result.new_set) == (PHOTOS, 0, True)
    assert len(study.shards) == 3
    assert len(study.sets) == 2
    assert study.settings.seed == 7
    parts = {name: content for name, content in filled.items() if name.startswith("explanations/")}
    assert parts.items() <= contents(study.folder).items()
    back = study.run(workers=1, seed=0)
    assert (back.explained, back.already, back.new_set) == (0, PHOTOS, False)
    assert study.settings.seed == 0


def test_photos_that_are_gone_are_listed_and_explained_when_they_are_back(
    make_study: MakeStudy, filled: dict[str, bytes]
) -> None:
    study = make_study()
    gone, changed = (study.photo_path(study.images[number].image_id) for number in (1, 20))
    before = changed.read_bytes()
    gone.rename(gone.with_suffix(".away"))
    changed.write_bytes(gone.with_suffix(".away").read_bytes())
    for _ in range(2):  # the second run has nothing to do
        result = study.run(workers=1)
        assert {study.image(image_id).path: reason for image_id, reason in result.failed.items()} == {
            gone.name: "the file cannot be read (No such file or directory)",
            changed.name: "the file has changed since the study was created",
        }
    assert (result.explained, result.already) == (0, PHOTOS - 2)
    assert not study.status().complete
    assert study.status().failed == result.failed
    assert study.images[1].problem.startswith("the file cannot be read")
    with pytest.raises(StudyError, match="could not be explained"):
        study.explanation(study.images[1].image_id)
    partly = {one.photo.image_id: one for one in study.explanations(views=False)}

    gone.with_suffix(".away").rename(gone)
    changed.write_bytes(before)
    result = study.run(workers=1)
    assert (result.explained, result.already, result.failed) == (2, PHOTOS - 2, {})
    assert contents(study.folder) == filled
    for one in study.explanations(views=False):
        if one.photo.image_id in partly:  # those beside a missing photo were right all the time
            assert_same(partly[one.photo.image_id].layers, one.layers)


def test_a_shard_of_which_no_photo_is_left(make_study: MakeStudy) -> None:
    study = make_study()
    for image in study.images[:16]:
        study.photo_path(image.image_id).unlink()
    result = study.run(workers=1)
    assert (result.explained, len(result.failed)) == (PHOTOS - 16, 16)
    assert study.status().shards == 3


def test_a_damaged_shard_stops_the_run_before_any_work(make_study: MakeStudy) -> None:
    study = make_study()
    study.run(workers=1)
    damaged, missing = study.shards[2], study.shards[0]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    missing.unlink()
    before = contents(study.folder)
    with pytest.raises(FileFormatError, match=r"00002\.parquet: .*delete it and run again"):
        study.run(workers=1)
    assert contents(study.folder) == before


def test_two_runs_at_once_are_refused(make_study: MakeStudy) -> None:
    study = make_study()
    before = contents(study.folder)
    with run_lock(study.folder):
        assert f"process {os.getpid()}" in study.status().running
        with pytest.raises(StudyError, match="another run is going on"):
            study.run(workers=1)
    assert contents(study.folder) == before


def test_another_network_is_refused(make_study: MakeStudy) -> None:
    study = make_study()
    before = contents(study.folder)
    with pytest.raises(StudyError, match="create a new study"):
        study.run(network=network(seed=1))
    assert contents(study.folder) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "spark"}, "choose one of loky, dask, ray"),
        ({"workers": 0}, "at least 1"),
        ({"address": "tcp://localhost:1"}, "choose the backend dask or ray"),
        ({"colour": "red"}, "no setting 'colour'"),
        ({"seed": -1}, "out of range"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(make_study: MakeStudy, options: dict, message: str) -> None:
    study = make_study()
    before = contents(study.folder)
    with pytest.raises(SettingError, match=message):
        study.run(**options)
    assert contents(study.folder) == before


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(StudyError, match=r"pip install 'layerlore\[dask\]'"):
        check_backend("dask", None, None)
    check_backend("loky", None, None)


def test_a_network_that_cannot_be_sent_runs_in_this_process_alone(
    make_study: MakeStudy, filled: dict[str, bytes]
) -> None:
    study = make_study()
    with pytest.raises(StudyError, match=r"cannot be sent to other processes .*--workers 1"):
        study.run(workers=2, network=like_small(Locked()))
    assert not study.shards
    assert study.run(workers=1, network=like_small(Locked())).explained == PHOTOS
    assert len(filled) == len(contents(study.folder))


def test_a_dying_worker_is_told_in_one_line(make_study: MakeStudy) -> None:
    study = make_study()
    study.run(workers=1)
    for path in study.shards[1:]:
        path.unlink()
    with pytest.raises(StudyError, match=r"ended before its work was done .*fewer --workers") as caught:
        study.run(workers=2, network=like_small(Deadly()))
    assert "\n" not in str(caught.value)
    status = study.status()
    assert (status.explained, status.damaged, status.running) == (16, (), "")
    assert not list(study.folder.rglob(".*.part"))
    assert [image.predicted is not None for image in study.images] == [True] * 16 + [False] * 24


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_done_is_kept_where_the_network_fails(make_study: MakeStudy, workers: int) -> None:
    study = make_study()
    with pytest.raises(ModelError, match="no luck") as caught:
        study.run(workers=workers, network=like_small(Faulty()), flow=False)
    if workers == 2:  # a worker's traceback comes along
        assert "in forward" in "".join(caught.value.__notes__)
    status = study.status()
    assert status.damaged == ()
    assert status.explained == sum(image.predicted is not None for image in study.images)
    if workers == 1:
        assert status.explained == 16
    assert study.run(workers=1, network=network()).explained + status.explained == PHOTOS


def test_workers_of_another_version_are_refused(make_study: MakeStudy) -> None:
    study = make_study()
    plan = Plan(study.settings, study.manifest.current, "key", {**present_versions(), "scipy": "0.0.1"})
    told = worker.work(Task(0, study.images[:16], ("gone",) * 16), plan, network())
    assert isinstance(told, StudyError)
    assert re.fullmatch(
        r"a worker has scipy [\d.]+ \(here 0.0.1\); install the same versions on the cluster", str(told)
    )


def test_no_more_tasks_are_in_flight_than_said() -> None:
    asked: list[int] = []

    def tasks() -> Iterator[Task]:
        for number in range(30):
            asked.append(number)
            yield Task(number, (), ())

    with ThreadPoolExecutor(3) as executor:

        def work(task: Task) -> Result:
            time.sleep(0.002)
            return Result(task.shard, b"", {})

        pool = Pool(lambda task: executor.submit(work, task), workers=3, ahead=5)
        seen = set()
        for count, result in enumerate(results(pool, tasks())):
            seen.add(result.shard)
            assert len(asked) <= count + 5
    assert seen == set(range(30))


CLAIM = """
import sys
from pathlib import Path
from layerlore.network.photos import read_photo
from layerlore.study import worker
print(worker._claim(Path(sys.argv[1]), 2), flush=True)
sys.stdin.read()
"""


def test_processes_share_out_the_gpus_and_a_dead_ones_is_free_again(tmp_path: Path) -> None:
    @contextmanager
    def claimed() -> Iterator[tuple[int, subprocess.Popen[str]]]:
        command = [sys.executable, "-c", CLAIM, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process
            process.kill()

    with claimed() as (first, killed):
        assert first == 0
        with claimed() as (second, _):
            assert second == 1
            with claimed() as (third, _):  # more processes than slots share one
                assert third in {0, 1}
            killed.kill()
            killed.wait()
            with claimed() as (again, _):
                assert again == 0


def test_each_process_of_this_machine_has_its_own_gpu(make_study: MakeStudy, tmp_path: Path) -> None:
    plan = Plan(make_study().settings, "", "", ("", ""))
    assert choose_device(plan, 0) == "cpu"
    assert choose_device(plan, 4) == "cuda:0"  # the one that a scheduler shows
    taken = len(worker._claimed)
    try:
        here = replace(plan, claims=tmp_path, slots=3)
        assert [choose_device(here, 2) for _ in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    finally:
        for file in worker._claimed[taken:]:
            file.close()
        del worker._claimed[taken:]


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own in memory."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place.mkdir()
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["/bin/umount", place], check=True)


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(
    make_study: MakeStudy, filled: dict[str, bytes], tmp_path: Path
) -> None:
    study = make_study()
    with small_disk(tmp_path / "disk", "10m") as disk:
        shutil.copytree(study.folder, disk / study.folder.name)
        study = Study.open(disk / study.folder.name)
        study.use_network(network())
        ballast = disk / "ballast"
        room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        parts = sorted(len(content) for name, content in filled.items() if name.startswith("explanations/"))
        ballast.write_bytes(bytes(room - parts[-1] - parts[0] // 2))  # room for one shard and a half
        with pytest.raises(OutputError, match="No space left on device"):
            study.run(workers=1)
        status = study.status()
        assert (status.shards, status.damaged, status.running) == (1, (), "")
        assert not list(study.folder.rglob(".*.part"))
        ballast.unlink()
        assert study.run(workers=1).explained == PHOTOS - 16
        assert contents(study.folder) == filled


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
import small
from layerlore.errors import OutputError
from layerlore.study.study import Study
study = Study.open(sys.argv[1])
network = study.use_network(small.network())
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    study.run(workers=1)
except OutputError as error:
    print(error)
"""


def test_a_file_that_may_not_grow_is_told(make_study: MakeStudy, filled: dict[str, bytes]) -> None:
    study = make_study()
    parts = sorted(len(content) for name, content in filled.items() if name.startswith("explanations/"))
    arguments = [str(study.folder), str(Path(__file__).parent), str(parts[0] + 100)]  # the last shard fits, no other
    done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    assert done.stdout.count("\n") == 1
    assert study.status().damaged == ()
    study.run(workers=1)
    assert contents(study.folder) == filled


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(make_study: MakeStudy, tmp_path: Path) -> None:
    study = make_study()
    told: list[object] = []
    with small_disk(tmp_path / "disk", "10m") as disk:
        shutil.copytree(study.folder, disk / study.folder.name)
        subprocess.run(["/bin/mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(OutputError, match="Read-only file system"):
            Study.open(disk / study.folder.name).run(
                workers=1, network=network(), progress=lambda *done: told.append(done)
            )
    assert not told


@pytest.mark.parametrize("workers", [1, 2])
def test_a_photo_that_the_network_cannot_take_stops_no_other(make_study: MakeStudy, workers: int) -> None:
    study = make_study()
    plain = network()
    means = sorted(float(plain.prepare(read_photo(study.photo_path(i.image_id))).mean()) for i in study.images)
    choosy = Choosy()
    choosy.load_state_dict(plain.module.state_dict())
    choosy.limit = (means[-1] + means[-2]) / 2
    result = study.run(workers=workers, network=like_small(choosy), flow=False)
    assert result.explained == len(study.images) - 1
    [reason] = result.failed.values()
    assert "NaN" in reason


def test_a_photo_that_comes_back_costs_none_that_is_gone_now(make_study: MakeStudy) -> None:
    study = make_study()
    first, second = (study.photo_path(image.image_id) for image in study.images[:2])
    away = first.rename(first.with_suffix(".away"))
    study.run(workers=1, network=network())
    before = [shard.read_bytes() for shard in study.shards]
    away.rename(first)
    gone = second.rename(second.with_suffix(".away"))
    result = study.run(workers=1, network=network())
    assert (result.explained, list(result.failed)) == (0, [study.images[0].image_id])
    assert [shard.read_bytes() for shard in study.shards] == before
    gone.rename(second)
    assert study.run(workers=1, network=network()).explained == 1
    assert study.status().complete


def test_photos_that_are_all_gone_are_told_before_any_work(make_study: MakeStudy) -> None:
    study = make_study()
    root = Path(study.manifest.images["root"])
    root = root if root.is_absolute() else study.folder / root
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(StudyError, match=r"the folder of its photos.*set `root` in study\.toml"):
        study.run(workers=1, network=network())
    assert study.status().shards == 0
    root.with_name("elsewhere").rename(root)


def test_what_a_person_should_know_is_told_before_the_work(make_study: MakeStudy, monkeypatch) -> None:
    study, said = make_study(), []
    study.run(workers=1, network=network(), notice=said.append)
    assert said == []
    old = study.manifest.current
    study.run(workers=1, network=network(), notice=said.append, seed=5)
    assert re.search("other settings than before: set [0-9a-f]{8} begins", said.pop())
    study.run(workers=1, network=network(), notice=said.append, seed=0)
    assert said.pop() == f"going back to set {old}, which has these settings"
    study.shards[-1].unlink()
    monkeypatch.setattr("layerlore.study.runner.present_versions", lambda: {**present_versions(), "numpy": "0.1"})
    monkeypatch.setattr("layerlore.study.worker.present_versions", lambda: {**present_versions(), "numpy": "0.1"})
    study.run(workers=1, network=network(), notice=said.append)
    assert "numpy" in said.pop()
    assert not said
