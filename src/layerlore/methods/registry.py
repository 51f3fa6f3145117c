"""The methods by name; their files and libraries are imported when they are used."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class MethodInfo:
    """A method.

    Attributes:
        name: As it is asked for; its file has the same name.
        title: As it is written in text.
        source: Publication; "control" for one that knows nothing of the network.
        library: Import name of the library that it needs, or "" for none beyond ours.
    """

    name: str
    title: str
    source: str
    library: str = ""


METHODS: Mapping[str, MethodInfo] = MappingProxyType(
    {
        one.name: one
        for one in (
            MethodInfo("gradcam", "Grad-CAM", "Selvaraju et al., ICCV 2017"),
            MethodInfo("gradcampp", "Grad-CAM++", "Chattopadhay et al., WACV 2018"),
            MethodInfo("layercam", "LayerCAM", "Jiang et al., IEEE TIP 2021"),
            MethodInfo("scorecam", "Score-CAM", "Wang et al., CVPR Workshops 2020"),
            MethodInfo("sise", "SISE", "Sattarzadeh et al., AAAI 2021"),
            MethodInfo("adasise", "Ada-SISE", "Sudhakar et al., ICASSP 2021"),
            MethodInfo("rise", "RISE", "Petsiuk et al., BMVC 2018"),
            MethodInfo("fam", "FAM (of the class's weights)", "this project, after Liao et al., arXiv 2307.05017"),
            MethodInfo("nmf", "channel NMF", "after Fel et al., CVPR 2023"),
            MethodInfo("inv", "all layers folded and corrected", "this project, after Bianchi et al., IJCAI 2024"),
            MethodInfo(
                "inv_paper", "the paper's clusters, folded here", "this project, after Bianchi et al., IJCAI 2024"
            ),
            MethodInfo("lime", "LIME", "Ribeiro et al., KDD 2016", library="lime"),
            MethodInfo("shap", "SHAP", "Lundberg and Lee, NeurIPS 2017", library="shap"),
            MethodInfo("random", "random map", "control"),
            MethodInfo("gaussian", "centred Gaussian", "control"),
        )
    }
)
