"""Estimates of labels: what a map with a known answer teaches, and what cannot be told."""

from __future__ import annotations

import pytest
from serving import played

from layerlore.game.server.models import Campaign, Estimate, Map, PlayerEstimate, Round
from layerlore.game.server.services import estimates

pytestmark = pytest.mark.django_db


def of(row: Round) -> dict[str, Estimate]:
    estimates.refit()
    return {one.text: one for one in Estimate.objects.filter(map=row.map_id)}


def weight(row: Round) -> float:
    return float(PlayerEstimate.objects.get(player=row.player_id).weight)


def test_words_on_a_honeypot_without_a_list_are_no_mistakes(campaign: Campaign) -> None:
    row = played("floppy ears", "brown fur", kind="honeypot")
    Map.objects.filter(pk=row.map_id).update(accepted={})
    assert min(one.posterior for one in of(row).values()) > 0.2
    looks = weight(row)
    Map.objects.filter(pk=row.map_id).update(kind="blank")
    Campaign.objects.update(estimated=0)
    assert {one.posterior for one in of(row).values()} == {0.0}
    assert weight(row) < looks


def test_words_that_a_honeypots_list_lacks_are_estimated(campaign: Campaign) -> None:
    row = played("floppy ears", "brown fur", kind="honeypot")
    Map.objects.filter(pk=row.map_id).update(accepted={"en": ["floppy ears"]})
    found = of(row)
    assert found["floppy ears"].posterior == 1
    assert 0.2 < found["brown fur"].posterior < 1


def test_there_is_no_lift_before_somebody_had_a_control_map_of_the_class(campaign: Campaign) -> None:
    row = played("brown fur")
    assert of(row)["brown fur"].lift is None
    control = played("wheels", kind="control")
    Round.objects.filter(pk=control.pk).update(picture=row.picture_id)
    assert of(row)["brown fur"].lift == pytest.approx((1.5 / 2) / (0.5 / 2))
