"""The questionnaire's pictures: on some photos, each method's explanation of the network's answer."""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from layerlore.errors import SettingError, StudyError
from layerlore.game.bundle.errors import BundleError
from layerlore.game.bundle.manifest import QuestionPhoto, QuestionView
from layerlore.game.bundle.rendering import number_of, random_key, store
from layerlore.game.bundle.reveal import encode
from layerlore.study.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from PIL import Image

    from layerlore.game.bundle.choosing import ImagePlan
    from layerlore.game.bundle.rendering import Shared
    from layerlore.game.domain.config import CampaignConfig
    from layerlore.local.explanation import Explanation
    from layerlore.network.model import Network
    from layerlore.network.photos import Photo
    from layerlore.study.study import Study

    Progress: TypeAlias = Callable[[int, int], None]
    Names: TypeAlias = Mapping[int, Mapping[str, str]]

OURS = "layerlore"


def check_questionnaire(study: Study, plans: Sequence[ImagePlan], config: CampaignConfig) -> None:
    """Tell what is missing before hours of rendering; nothing where no questionnaire is asked for.

    Raises:
        BundleError: A method cannot be used, the network cannot be loaded, or there are too few photos.
    """
    asked = config.questionnaire
    if not asked.enabled:
        return
    from layerlore.methods.run import check_method

    for method in asked.methods:
        if method != OURS:
            try:
                check_method(method)
            except SettingError as error:
                raise BundleError(f"questionnaire.methods: {error}") from error
    try:
        study.load_network()
    except StudyError as error:
        raise BundleError(f"the questionnaire's methods need the network: {error}") from error
    _enough(study, len(_askable(plans)), config)


def make_questions(
    study: Study,
    plans: Sequence[ImagePlan],
    names: Names,
    config: CampaignConfig,
    shared: Shared,
    progress: Progress | None,
) -> tuple[QuestionPhoto, ...]:
    """Choose the photos and make the pictures; none where no questionnaire is asked for.

    Args:
        study: The study.
        plans: Photos of the bundle.
        names: Class index to language to name, for the campaign's classes.
        config: The configuration.
        shared: As for all pictures of the bundle.
        progress: Told how many of how many pictures are done.

    Raises:
        BundleError: There are too few photos whose predicted class was explained.
    """
    asked = config.questionnaire
    if not asked.enabled:
        return ()
    pool = choose_photos(_askable(plans), asked.pool, shared.seed)
    _enough(study, len(pool), config)
    found: list[QuestionPhoto] = []
    network, total = study.load_network(), len(pool) * len(asked.methods)
    for plan in pool:
        explanation = study.explanation(plan.record.image_id)
        painter = _Painter(network, plan, explanation, shared)
        views = []
        for method in asked.methods:
            views.append(painter.view(method))
            if progress is not None:
                progress(len(found) * len(asked.methods) + len(views), total)
        target = explanation.target
        known = names.get(target.index, {})
        found.append(
            QuestionPhoto(
                image_key=random_key(shared.seed, "image", plan.record.image_id),
                answer=target.index,
                answer_names={one: known.get(one, target.name) for one in config.campaign.languages},
                probability=round(target.probability, 6),
                right=plan.class_index == plan.target,
                views=tuple(views),
            )
        )
    return tuple(sorted(found, key=lambda one: one.image_key))


def choose_photos(plans: Collection[ImagePlan], count: int, seed: int) -> list[ImagePlan]:
    """So many photos: the network wrong and right by turns, and within both one class after the other.

    Args:
        plans: Photos to choose from.
        count: How many.
        seed: Decides which ones.
    """
    order = sorted(plans, key=lambda plan: random_key(seed, "question", plan.record.image_id))
    wrong = _by_turns([one for one in order if one.class_index != one.target])
    right = _by_turns([one for one in order if one.class_index == one.target])
    mixed = [one for pair in zip_longest(wrong, right) for one in pair if one is not None]
    return mixed[:count]


def _by_turns(plans: Sequence[ImagePlan]) -> list[ImagePlan]:
    """The same photos, one of each class, then a second of each, and so on."""
    groups: dict[int, list[ImagePlan]] = defaultdict(list)
    for plan in plans:
        groups[plan.class_index].append(plan)
    return [plan for turn in zip_longest(*groups.values()) for plan in turn if plan is not None]


def _askable(plans: Sequence[ImagePlan]) -> list[ImagePlan]:
    """Photos of which the network's own answer was explained: what people are told must be what it says."""
    return [plan for plan in plans if plan.target == plan.predicted]


def _enough(study: Study, count: int, config: CampaignConfig) -> None:
    wanted = config.questionnaire.photos
    if count < wanted:
        raise BundleError(
            f"{study.folder}: {count} photos whose predicted class was explained, the questionnaire shows {wanted}; "
            "lower questionnaire.photos, or add photos to the study"
        )


class _Painter:
    """Makes the pictures of one photo."""

    def __init__(self, network: Network, plan: ImagePlan, explanation: Explanation, shared: Shared) -> None:
        self.network = network
        self.plan = plan
        self.explanation = explanation
        self.shared = shared
        self.photo: Photo = Reader(shared.folder, shared.study, ()).photo(plan.record)
        self.seen: Image.Image = network.view(self.photo, side=600)

    def view(self, method: str) -> QuestionView:
        """One method's picture, stored."""
        from layerlore.report import panels

        if method == OURS:
            picture = panels.layers_panel(self.seen, self.explanation.layers)
        else:
            picture = panels.map_panel(self.seen, self._map(method))
        content = encode(np.asarray(picture, np.uint8))
        stored = store(self.shared, content, "question", self.plan.record.image_id, method)
        return QuestionView(method, method == OURS, picture.width, picture.height, stored)

    def _map(self, method: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        from layerlore.methods import saliency

        seed = number_of(random_key(self.shared.seed, "method", self.plan.record.image_id, method)) % 2**32
        return saliency(self.network, self.photo, self.plan.target, method=method, seed=seed).map
