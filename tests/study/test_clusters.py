"""Real local clusters of two workers each make the same bytes as this process alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from small import PHOTOS, contents

from layerlore.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from layerlore.study.study import Study

    MakeStudy = Callable[..., Study]


class TestDask:
    """The backend ``dask``."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("distributed", reason="the extra 'dask' is not installed")

    def test_a_cluster_of_this_machine(self, make_study: MakeStudy, filled: dict[str, bytes]) -> None:
        study = make_study()
        assert study.run(backend="dask", workers=2).explained == PHOTOS
        assert contents(study.folder) == filled

    def test_a_cluster_that_runs_already_stays(self, make_study: MakeStudy, filled: dict[str, bytes]) -> None:
        import distributed

        study = make_study()
        with (
            distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            assert study.run(backend="dask", address=cluster.scheduler_address).explained == PHOTOS
            assert len(client.nthreads()) == 2
        assert contents(study.folder) == filled

    def test_no_cluster_at_the_address(self, make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("layerlore.study.backends.CONNECT_SECONDS", 1)
        study = make_study()
        with pytest.raises(StudyError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9") as caught:
            study.run(backend="dask", address="tcp://127.0.0.1:9")
        assert "\n" not in str(caught.value)
        assert study.status().running == ""


class TestRay:
    """The backend ``ray``."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("ray", reason="the extra 'ray' is not installed")

    def test_a_cluster_of_this_machine(self, make_study: MakeStudy, filled: dict[str, bytes]) -> None:
        import ray

        study = make_study()
        assert study.run(backend="ray", workers=2).explained == PHOTOS
        assert contents(study.folder) == filled
        assert not ray.is_initialized()

    def test_a_cluster_that_runs_already_stays(self, make_study: MakeStudy, filled: dict[str, bytes]) -> None:
        import ray

        study = make_study()
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            assert study.run(backend="ray").explained == PHOTOS
            assert ray.is_initialized()
        finally:
            ray.shutdown()
        assert contents(study.folder) == filled

    def test_no_cluster_at_the_address(self, make_study: MakeStudy) -> None:
        study = make_study()
        with pytest.raises(StudyError, match=r"no Ray cluster can be had at 127\.0\.0\.1:9") as caught:
            study.run(backend="ray", address="127.0.0.1:9")
        assert "\n" not in str(caught.value)
