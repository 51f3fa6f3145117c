"""Staff's pages about labels: the table, merges, and what waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from layerlore.game.server.forms import MergeForm
from layerlore.game.server.models import LabelMerge
from layerlore.game.server.services import campaigns, merging, moderation
from layerlore.game.server.views.charts import bars
from layerlore.game.server.views.common import play_language, safe_next, see
from layerlore.game.server.views.guards import for_staff, page_of, query_of
from layerlore.game.server.views.staff import layers_of
from layerlore.game.server.views.staff_words import MERGE_FAULTS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from layerlore.game.server.models import Account, Campaign

HISTOGRAM = (48, 20)


@require_GET
@for_staff
def labels(request: HttpRequest, account: Account) -> HttpResponse:
    """Labels with posterior, lift, and the steps at which they were typed."""
    del account
    campaign = campaigns.current()
    wanted = {name: request.GET.get(name, "")[:200] for name in ("layer", "class", "language", "text", "order")}
    if wanted["order"] not in moderation.LABEL_ORDERS:
        wanted["order"] = "posterior"
    class_index = int(wanted["class"]) if wanted["class"].isdecimal() and len(wanted["class"]) < 9 else None
    rows = moderation.labels(
        campaign,
        layer=wanted["layer"],
        class_index=class_index,
        language=wanted["language"],
        text=wanted["text"].strip().casefold(),
        order=wanted["order"],
    )
    page = page_of(request, rows)
    hidden = moderation.hidden_among(campaign, list(page))
    the_rules, language = campaigns.rules(campaign), play_language(campaign)
    names = sorted((one.name(language), one.index) for one in the_rules.classes.values())
    content = {
        "page": page,
        "query": query_of(request),
        "rows": [
            {
                "label": row,
                "class": the_rules.classes[row.map.picture.class_index].name(language),
                "steps": _histogram(row.steps, len(row.map.steps)),
                "hidden": (row.map_id, row.language, row.text) in hidden,
            }
            for row in page
        ],
        "wanted": wanted,
        "class_index": class_index,
        "layers": layers_of(campaign),
        "classes": names,
        "spoken": the_rules.config.campaign.languages,
    }
    return render(request, "game/staff/labels.html", content)


def _histogram(counts: list[int], steps: int) -> Any:  # noqa: ANN401 a chart
    """How often a label was typed at each step."""
    every = [*counts, *[0] * (steps - len(counts))]
    return bars(list(enumerate(every, start=1)), width=HISTOGRAM[0], height=HISTOGRAM[1])


@require_POST
@for_staff
def hide(request: HttpRequest, account: Account) -> HttpResponse:
    """Hide a label of a map from players, or show it again."""
    number = request.POST.get("label", "")
    on = request.POST.get("hide") == "1"
    if not _is_number(number) or not moderation.hide_label(campaigns.current(), int(number), hide=on, actor=account):
        raise Http404
    messages.success(request, _("Players do not see this label any more.") if on else _("Players see this label."))
    return see_list(request, "staff_labels")


@require_http_methods(["GET", "POST"])
@for_staff
def merges(request: HttpRequest, account: Account) -> HttpResponse:
    """Labels that are read as one, and a form for one more."""
    campaign = campaigns.current()
    spoken = campaigns.rules(campaign).config.campaign.languages
    if request.method != "POST":
        first = {name: request.GET.get(name, "")[:40] for name in ("language", "text", "into")}
        return _merges(request, campaign, MergeForm(spoken, initial=first))
    form = MergeForm(spoken, request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            merging.merge(campaign, data["language"], data["text"], data["into"], actor=account)
        except merging.MergeError as error:
            form.add_error(None, MERGE_FAULTS[error.fault])
        else:
            messages.success(request, _("Merged. The numbers follow within five minutes."))
            return see("staff_merges")
    return _merges(request, campaign, form, status=422)


def _merges(request: HttpRequest, campaign: Campaign, form: MergeForm, status: int = 200) -> HttpResponse:
    rows = LabelMerge.objects.filter(campaign=campaign).select_related("actor").order_by("-pk")
    content = {"form": form, "page": page_of(request, rows), "query": query_of(request)}
    return render(request, "game/staff/merges.html", content, status=status)


@require_POST
@for_staff
def undo_merge(request: HttpRequest, account: Account) -> HttpResponse:
    """Undo a merge; its record stays."""
    number = request.POST.get("merge", "")
    if not _is_number(number) or not merging.undo(campaigns.current(), int(number), actor=account, now=timezone.now()):
        raise Http404
    messages.success(request, _("Undone. The numbers follow within five minutes."))
    return see("staff_merges")


@require_GET
@for_staff
def queue(request: HttpRequest, account: Account) -> HttpResponse:
    """Labels that wait for a person."""
    del account
    campaign = campaigns.current()
    classes, language = campaigns.rules(campaign).classes, play_language(campaign)
    page = page_of(request, moderation.queue(campaign))
    rows = [{"label": row, "class": classes[row.map.picture.class_index].name(language)} for row in page]
    return render(request, "game/staff/moderation.html", {"page": page, "rows": rows, "query": query_of(request)})


@require_POST
@for_staff
def moderate(request: HttpRequest, account: Account) -> HttpResponse:
    """Show a label to others, or hide it."""
    number, hidden = request.POST.get("label", ""), request.POST.get("hide") == "1"
    if not _is_number(number) or not moderation.decide(int(number), hide=hidden, actor=account):
        raise Http404
    return see("staff_moderation")


def see_list(request: HttpRequest, name: str) -> HttpResponse:
    """Back to the list as it was filtered."""
    response = see(name)
    response["Location"] = safe_next(request, name)
    return response


def _is_number(text: str) -> bool:
    """Whether it may be the number of a row."""
    return text.isascii() and text.isdecimal() and len(text) < 19
