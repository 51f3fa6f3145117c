"""A round, from start to result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from layerlore.game.domain.errors import Refusal, TransitionError
from layerlore.game.domain.states import FINISHED, Outcome, RoundState, Typed
from layerlore.game.server.forms import GuessForm, ResignForm, StepForm
from layerlore.game.server.services import campaigns, consents, pictures, results, rounds
from layerlore.game.server.services.chips import Chips, read_chips
from layerlore.game.server.services.people import device_of, player_of
from layerlore.game.server.views import errors, result_page, round_page, sentences
from layerlore.game.server.views.common import play_language, see

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django_stubs_ext import StrOrPromise

    from layerlore.game.server.models import Player, Round
    from layerlore.game.server.services.rounds import Done


@require_POST
def play(request: HttpRequest) -> HttpResponse:
    """Start a round, or go on with the open one."""
    player = player_of(request)
    campaign = campaigns.current()
    if player is None or not consents.has_agreed(player, campaign):
        return see("consent")
    now = timezone.now()
    if rounds.too_many_lately(player, now):
        return errors.too_often(request)
    language = play_language(campaign)
    try:
        done = rounds.start(campaign, player, language=language, device=device_of(request), now=now)
    except TransitionError:
        return render(request, "game/closed.html", status=409)
    if done is None:
        return render(request, "game/no_map.html")
    return see("round", done.round.token)


@require_GET
def round_view(request: HttpRequest, token: str) -> HttpResponse:
    """The round as it is now; a finished one leads to its result."""
    row = _find(player_of(request), token)
    if RoundState(row.state) in FINISHED:
        return redirect("result", token)
    if not _running(row):
        return render(request, "game/round_over.html", {"round": row})
    return _page(request, row)


@require_POST
def reveal(request: HttpRequest, token: str) -> HttpResponse:
    """Show one step more."""
    player = player_of(request)
    row = _find(player, token)
    form = StepForm(request.POST)
    if not form.is_valid():
        return errors.error_response(request, 400)
    chips = read_chips(request.POST.dict(), row, campaigns.rules(row.campaign))
    if chips.refused and _running(row) and form.cleaned_data["step"] == row.step:
        return _page(request, row, chips=chips, status=422)
    try:
        step = form.cleaned_data["step"]
        rounds.reveal(row.player, token, step=step, drafts=chips.drafts, now=timezone.now(), row=row)
    except TransitionError as error:
        return _refused(request, row, error, chips)
    return see("round", token)


@require_POST
def guess(request: HttpRequest, token: str) -> HttpResponse:
    """Commit a guess."""
    row = _find(player_of(request), token)
    form = GuessForm(request.POST)
    if not form.is_valid():
        return errors.error_response(request, 400)
    the_rules = campaigns.rules(row.campaign)
    chips = read_chips(request.POST.dict(), row, the_rules)
    answer = form.cleaned_data["answer"]
    if chips.refused and _running(row):
        return _page(request, row, chips=chips, status=422)
    if answer is not None and answer not in {one.index for one in the_rules.choices(row)}:
        return errors.error_response(request, 400)
    try:
        done = rounds.guess(
            row.player,
            token,
            step=form.cleaned_data["step"],
            tries=form.cleaned_data["tries"],
            answer="" if answer is None else str(answer),
            typed=Typed(chips.labels, nothing=form.cleaned_data["nothing"]),
            now=timezone.now(),
            row=row,
        )
    except TransitionError as error:
        return _refused(request, row, error, chips)
    return _after(done)


@require_POST
def resign(request: HttpRequest, token: str) -> HttpResponse:
    """Give up, with the labels typed so far."""
    row = _find(player_of(request), token)
    form = ResignForm(request.POST)
    if not form.is_valid():
        return errors.error_response(request, 400)
    chips = read_chips(request.POST.dict(), row, campaigns.rules(row.campaign))
    if chips.refused and _running(row):
        return _page(request, row, chips=chips, status=422)
    try:
        typed = Typed(chips.labels, nothing=form.cleaned_data["nothing"])
        done = rounds.resign(row.player, token, typed=typed, now=timezone.now(), row=row)
    except TransitionError as error:
        return _refused(request, row, error, chips)
    return _after(done)


@require_GET
def image(request: HttpRequest, token: str, step: int) -> HttpResponse:
    """The picture at a step that the database says is revealed (I3)."""
    row = _find(player_of(request), token)
    over = RoundState(row.state) not in FINISHED and not _running(row)
    if over or not 0 <= step <= row.step:
        raise Http404
    return _png(row.map.steps[step])


@require_GET
def full(request: HttpRequest, token: str) -> HttpResponse:
    """The whole photo, if the policy allows it."""
    row = _find(player_of(request), token)
    if not results.may_see_full(row, campaigns.rules(row.campaign), timezone.now()):
        raise Http404
    return _png(row.picture.full)


@require_GET
def result(request: HttpRequest, token: str) -> HttpResponse:
    """What came of it."""
    row = _find(player_of(request), token)
    if RoundState(row.state) not in FINISHED:
        return redirect("round", token)
    return render(request, "game/result.html", result_page.content(row, timezone.now()))


def _find(player: Player | None, token: str) -> Round:
    """The player's round.

    Raises:
        Http404: There is none, or it is somebody else's.
    """
    try:
        return rounds.find(player, token)
    except rounds.NoRoundError:
        raise Http404 from None


def _running(row: Round) -> bool:
    return row.state == RoundState.OPEN.value and row.expires > timezone.now()


def _after(done: Done) -> HttpResponse:
    """The result, or the round again: time was over, or there is another try."""
    if RoundState(done.round.state) in FINISHED and done.outcome is not Outcome.LAPSED:
        return see("result", done.round.token)
    return see("round", done.round.token)


FIXABLE = {Refusal.ANSWER, Refusal.SAME_ANSWER, Refusal.LABEL_NEEDED, Refusal.NOTHING, Refusal.LABEL_COUNT}


def _refused(request: HttpRequest, row: Round, error: TransitionError, chips: Chips) -> HttpResponse:
    """The same page with what to mend, or, where the round has moved on, a page with a way on."""
    sentence = sentences.REFUSALS[error.code]
    if error.code in FIXABLE and _running(row):
        return _page(request, row, chips=chips, problem=sentence, status=422)
    return render(request, "game/conflict.html", {"round": row, "sentence": sentence}, status=409)


def _png(stored: dict[str, object]) -> HttpResponse:
    return HttpResponse(pictures.picture_bytes(stored), content_type="image/png")


def _page(
    request: HttpRequest,
    row: Round,
    *,
    chips: Chips | None = None,
    problem: StrOrPromise = "",
    status: int = 200,
) -> HttpResponse:
    """The round's page, after a mistake with what was sent and what to mend."""
    content = round_page.content(row, sent=request.POST, chips=chips, problem=problem)
    return render(request, "game/round.html", content, status=status)
