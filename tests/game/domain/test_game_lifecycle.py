"""Where a map and a campaign are."""

from __future__ import annotations

import pytest
from game_rules import rules

from layerlore.game.domain.errors import Refusal, TransitionError
from layerlore.game.domain.lifecycle import (
    Campaign,
    CampaignState,
    MapCounts,
    MapReason,
    MapState,
    judge_map,
    move_campaign,
)


@pytest.mark.parametrize(
    ("counts", "posteriors", "disabled", "state", "reason"),
    [
        (MapCounts(), None, False, MapState.ACTIVE, MapReason.WANTED),
        (MapCounts(9), None, False, MapState.ACTIVE, MapReason.WANTED),
        (MapCounts(10), None, False, MapState.SATISFIED, MapReason.FULL),
        (MapCounts(3), [0.95, 0.02], False, MapState.SATISFIED, MapReason.DECIDED),
        (MapCounts(2), [0.95, 0.02], False, MapState.ACTIVE, MapReason.WANTED),
        (MapCounts(3), [0.95, 0.5], False, MapState.ACTIVE, MapReason.WANTED),
        (MapCounts(3), [0.9], False, MapState.ACTIVE, MapReason.WANTED),
        (MapCounts(3, 1), [], False, MapState.SATISFIED, MapReason.DECIDED),
        (MapCounts(3, 0, 3), None, False, MapState.HARD, MapReason.RESIGNED),
        (MapCounts(4, 1, 3), None, False, MapState.ACTIVE, MapReason.WANTED),
        (MapCounts(10, 0, 3), None, True, MapState.DISABLED, MapReason.SWITCHED_OFF),
    ],
)
def test_state_of_a_map(counts, posteriors, disabled, state, reason) -> None:
    verdict = judge_map(counts, posteriors, rules(), disabled=disabled)
    assert (verdict.state, verdict.reason) == (state, reason)


def test_a_campaign_keeps_the_bundle_it_was_opened_with() -> None:
    campaign = Campaign()
    for to in ("open", "open", "paused", "open", "closed", "archived"):
        campaign = move_campaign(campaign, CampaignState(to), bundle_hash="abc")
        assert campaign.state == to
        assert campaign.starts_rounds == (to == "open")
    with pytest.raises(TransitionError) as caught:
        move_campaign(campaign, CampaignState.OPEN, bundle_hash="abc")
    assert caught.value.code is Refusal.CAMPAIGN
    for wrong in ("abd", ""):
        with pytest.raises(TransitionError) as caught:
            move_campaign(campaign, CampaignState.ARCHIVED, bundle_hash=wrong)
        assert caught.value.code is Refusal.BUNDLE
