"""The metrics by name: what each tests, its formula and source, and what it needs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from layerlore.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Family = Literal["faithfulness", "localisation", "complexity", "robustness", "sanity", "clusters"]
Better = Literal["higher", "lower", "neither"]
Need = Literal["truth", "explainer", "randomised", "clusters"]


@dataclass(frozen=True)
class MetricInfo:
    """A metric.

    Attributes:
        name: As it is asked for.
        title: As it is written in text.
        family: Which kind of question it answers.
        better: Which values speak for a map.
        source: Publication.
        formula: In one line; x is the photo, M its map in [0, 1], f the probability of the class.
        sentence: What it tests, in plain words.
        needs: What it needs beyond the map: ``truth``, a mask of the object; ``explainer``, the method run again on
            changed inputs; ``randomised``, the method run again on the network with random weights; ``clusters``, a
            method that is made of clusters of feature maps.
    """

    name: str
    title: str
    family: Family
    better: Better
    source: str
    formula: str
    sentence: str
    needs: frozenset[Need] = frozenset()

    @property
    def better_end(self) -> str:
        """Which values speak for a map, as it is written in text."""
        return "neither end is better" if self.better == "neither" else f"{self.better} is better"


_RISE = "Petsiuk et al., RISE, BMVC 2018"
_DROPS = "Chattopadhay et al., Grad-CAM++, WACV 2018"
_HEDSTROEM = "Hedström et al., Sanity Checks Revisited, 2023"
_INSERTED = "area under f over the share of pixels shown on {}, highest M first"
_DELETED = "area under f over the share of pixels replaced by {}, highest M first"
_INSERTION = "How soon the network answers with the class when the photo is uncovered, most important places first."
_DELETION = "How soon the class is lost when the photo is taken away, most important places first."
_BLUR, _COLOUR = "the blurred photo", "the photo's mean colour"

_TRUTH: frozenset[Need] = frozenset({"truth"})
_AGAIN: frozenset[Need] = frozenset({"explainer"})
_RANDOM: frozenset[Need] = frozenset({"explainer", "randomised"})
_CLUSTERS: frozenset[Need] = frozenset({"clusters"})

_CRAFT = "This project; orders as Fel et al., CRAFT, CVPR 2023"
_OURS = "This project"
_CONCEPT_SHAP = "Yeh et al., On Completeness-aware Concept-based Explanations, NeurIPS 2020"
_INV = "Bianchi et al., IJCAI 2024"
_ARI = "Hubert and Arabie, Journal of Classification, 1985"
_SILHOUETTE = "Rousseeuw, 1987; with a null model"

_ALL = (
    MetricInfo(
        name="insertion",
        title="Insertion (on a blurred photo)",
        family="faithfulness",
        better="higher",
        source=_RISE,
        formula=_INSERTED.format(_BLUR),
        sentence=_INSERTION,
    ),
    MetricInfo(
        name="deletion",
        title="Deletion (by blurring)",
        family="faithfulness",
        better="lower",
        source=_RISE,
        formula=_DELETED.format(_BLUR),
        sentence=_DELETION,
    ),
    MetricInfo(
        name="insertion_mean",
        title="Insertion (on the mean colour)",
        family="faithfulness",
        better="higher",
        source=_RISE,
        formula=_INSERTED.format(_COLOUR),
        sentence=_INSERTION,
    ),
    MetricInfo(
        name="deletion_mean",
        title="Deletion (by the mean colour)",
        family="faithfulness",
        better="lower",
        source=_RISE,
        formula=_DELETED.format(_COLOUR),
        sentence=_DELETION,
    ),
    MetricInfo(
        name="road",
        title="ROAD, combined",
        family="faithfulness",
        better="higher",
        source="Rong et al., ROAD, ICML 2022; combined as in pytorch-grad-cam",
        formula="mean over p = 10 %, ..., 90 % of (f without the lowest p of M - f without the highest p) / 2",
        sentence="How much more the class loses when the most important places are filled in from their surroundings "
        "than when the least important ones are.",
    ),
    MetricInfo(
        name="average_drop",
        title="Average drop",
        family="faithfulness",
        better="lower",
        source=_DROPS,
        formula="max(0, f(x) - f(M x)) / f(x)",
        sentence="How much of the class's probability is lost when the photo is dimmed where the map is low.",
    ),
    MetricInfo(
        name="average_gain",
        title="Average gain",
        family="faithfulness",
        better="higher",
        source="Zhang et al., Opti-CAM, CVIU 2024",
        formula="max(0, f(M x) - f(x)) / (1 - f(x))",
        sentence="How much nearer to certain the class gets when the photo is dimmed where the map is low.",
    ),
    MetricInfo(
        name="increase_in_confidence",
        title="Increase in confidence",
        family="faithfulness",
        better="higher",
        source=_DROPS,
        formula="1 if f(M x) > f(x), else 0",
        sentence="For how many photos the class gets more probable when the photo is dimmed where the map is low.",
    ),
    MetricInfo(
        name="adcc",
        title="ADCC",
        family="faithfulness",
        better="higher",
        source="Poppi et al., CVPR workshops 2021",
        formula="harmonic mean of 1 - average drop, 1 - mean of M, and (1 + r(M, map of M x)) / 2",
        sentence="Whether a map keeps the class, is small, and stays the same when only its places are shown.",
        needs=_AGAIN,
    ),
    MetricInfo(
        name="pointing",
        title="Pointing game",
        family="localisation",
        better="higher",
        source="Zhang et al., Excitation Backprop, IJCV 2018",
        formula="1 if the highest pixel of M is on the object, else 0",
        sentence="For how many photos the most important place is on the object.",
        needs=_TRUTH,
    ),
    MetricInfo(
        name="energy_pointing",
        title="Energy pointing game",
        family="localisation",
        better="higher",
        source="Wang et al., Score-CAM, CVPR workshops 2020",
        formula="sum of M on the object / sum of M",
        sentence="How much of the map lies on the object.",
        needs=_TRUTH,
    ),
    MetricInfo(
        name="rank_accuracy",
        title="Relevance rank accuracy",
        family="localisation",
        better="higher",
        source="Arras et al., CLEVR-XAI, 2022",
        formula="share of the n highest pixels of M that are on the object, n the object's pixels",
        sentence="How much of the object the most important places cover, as many as it has.",
        needs=_TRUTH,
    ),
    MetricInfo(
        name="gini",
        title="Sparseness (Gini)",
        family="complexity",
        better="higher",
        source="Chalasani et al., ICML 2020",
        formula="sum of (2 i - n - 1) M_i / (n sum of M), M_i the i-th lowest of n pixels",
        sentence="Whether the map is in few places: 0 where it is the same everywhere, near 1 where it is one point.",
    ),
    MetricInfo(
        name="entropy",
        title="Complexity (entropy)",
        family="complexity",
        better="lower",
        source="Bhatt et al., IJCAI 2020",
        formula="-sum of p ln p, p = M / sum of M",
        sentence="Over how many places the map is spread.",
    ),
    MetricInfo(
        name="max_sensitivity",
        title="Maximum sensitivity",
        family="robustness",
        better="lower",
        source="Yeh et al., NeurIPS 2019",
        formula="largest |M(x + d) - M(x)| / |M(x)| of 10 draws, each number of d within 5 % of the range",
        sentence="How much the map changes, at worst, under noise that does not change the answer.",
        needs=_AGAIN,
    ),
    MetricInfo(
        name="average_sensitivity",
        title="Average sensitivity",
        family="robustness",
        better="lower",
        source="Bhatt et al., IJCAI 2020",
        formula="mean |M(x + d) - M(x)| / |M(x)| of the same draws",
        sentence="How much the map changes, on average, under noise that does not change the answer.",
        needs=_AGAIN,
    ),
    MetricInfo(
        name="emprt",
        title="Efficient MPRT",
        family="sanity",
        better="higher",
        source=_HEDSTROEM,
        formula="(H(M with random weights) - H(M)) / H(M), H the entropy of a histogram of M",
        sentence="Whether the map gets less orderly when the network's weights are random; it should be above 0.",
        needs=_RANDOM,
    ),
    MetricInfo(
        name="smprt",
        title="Smooth MPRT",
        family="sanity",
        better="lower",
        source=_HEDSTROEM,
        formula="mean rank correlation of M and M with the last layers random, both averaged over 8 noisy photos",
        sentence="How alike the map stays when more and more of the network's layers, from the last on, are random.",
        needs=_RANDOM,
    ),
    MetricInfo(
        name="random_logit",
        title="Random logit",
        family="sanity",
        better="lower",
        source="Sixt et al., ICML 2020",
        formula="rank correlation of M for the class and for another one, drawn at random",
        sentence="How alike the maps of two classes are; a map that is the same for all explains none.",
        needs=_AGAIN,
    ),
    MetricInfo(
        name="later_layers",
        title="Weights and later layers",
        family="sanity",
        better="lower",
        source="this project, after Adebayo et al., NeurIPS 2018",
        formula="mean over the layers of the rank correlation of the maps' weights with and without the layers after "
        "it random",
        sentence="How alike the weights of a layer's feature maps stay when only the layers after it are random; the "
        "feature maps themselves must stay the same.",
        needs=_CLUSTERS | {"randomised"},
    ),
    MetricInfo(
        name="c_insertion",
        title="Clusters added",
        family="clusters",
        better="higher",
        source=_CRAFT,
        formula="(area - random) / (best - random) under f as clusters are added, most important (heaviest) first",
        sentence="How near the order of the clusters comes to the best one when they are added; 0 is a random order.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_deletion",
        title="Clusters removed",
        family="clusters",
        better="higher",
        source=_CRAFT,
        formula="(area - random) / (best - random) under f as clusters are removed, most important (heaviest) first",
        sentence="How near the order of the clusters comes to the best one when they are removed; 0 is a random order.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_shapley",
        title="Shapley rank correlation",
        family="clusters",
        better="higher",
        source=_CONCEPT_SHAP,
        formula="Spearman of importance (inv) or weight (inv_paper) and exact Shapley values of the logit",
        sentence="Whether importance or weight ranks a layer's clusters by what they are worth together.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_ablation",
        title="Ablation rank correlation",
        family="clusters",
        better="higher",
        source=_OURS,
        formula="Spearman of importance (inv) or weight (inv_paper) and the fall of the logit without one cluster",
        sentence="Whether importance or weight ranks a layer's clusters by what happens when one is removed.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_weight_shapley",
        title="Shapley rank correlation of the weight",
        family="clusters",
        better="higher",
        source=_CONCEPT_SHAP,
        formula="Spearman of weight and exact Shapley values of the logit",
        sentence="Whether the weight ranks a layer's clusters by what they are worth together.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_weight_ablation",
        title="Ablation rank correlation of the weight",
        family="clusters",
        better="higher",
        source=_OURS,
        formula="Spearman of weight and the fall of the logit without one cluster",
        sentence="Whether the weight ranks a layer's clusters by what happens when one is removed.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_completeness",
        title="Logit share of the shown clusters",
        family="clusters",
        better="neither",
        source=_OURS,
        formula="fall of the logit without the shown clusters / fall without the layer, median of the layers",
        sentence="How much of what a layer does to the class the shown clusters account for; 1 is all of it.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_mass",
        title="Shown weight",
        family="clusters",
        better="neither",
        source=_INV,
        formula="weight of the shown clusters / weight of all maps",
        sentence="How much of a layer's positive gradient is shown.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_seed",
        title="Clusters with another seed",
        family="clusters",
        better="higher",
        source=_ARI,
        formula="adjusted Rand index of the clusters with this seed and the next",
        sentence="Whether chance decides which maps belong together.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_channels",
        title="Clusters of fewer maps",
        family="clusters",
        better="higher",
        source=_ARI,
        formula="adjusted Rand index of the clusters of all maps and of 80 % of them, over those",
        sentence="Whether clusters hang on a few maps.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_noise",
        title="Clusters under noise",
        family="clusters",
        better="higher",
        source=_ARI,
        formula="adjusted Rand index of the clusters with and without noise of one grey level",
        sentence="Whether clusters change with noise that nobody sees.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_flip",
        title="Clusters of the mirrored photo",
        family="clusters",
        better="higher",
        source=_ARI,
        formula="adjusted Rand index of the clusters of the photo and of its mirror image",
        sentence="Whether clusters change when the photo is mirrored.",
        needs=_CLUSTERS,
    ),
    MetricInfo(
        name="c_silhouette",
        title="Silhouette above chance",
        family="clusters",
        better="higher",
        source=_SILHOUETTE,
        formula="mean silhouette between the scaled maps - the same with the places of each map shuffled",
        sentence="Whether clusters are further apart than those of maps without places.",
        needs=_CLUSTERS,
    ),
)

METRICS: Mapping[str, MetricInfo] = MappingProxyType({one.name: one for one in _ALL})


def check_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once, in the order of ``METRICS``.

    Raises:
        SettingError: One is unknown, or there are none.
    """
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose among {', '.join(METRICS)}"
            raise SettingError(f"unknown metric {name!r}; {hint}")
    if not names:
        raise SettingError(f"no metric was asked for; choose among {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in names)
