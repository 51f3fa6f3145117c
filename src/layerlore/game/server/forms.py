"""Forms: what a request may hold. Whatever else is sent is never read."""

from __future__ import annotations

from django import forms


class StepForm(forms.Form):
    """Which step the page shows."""

    step = forms.IntegerField(min_value=0, max_value=100)


class GuessForm(StepForm):
    """A guess on the step that the page shows."""

    tries = forms.IntegerField(min_value=0, max_value=100)
    answer = forms.IntegerField(min_value=0, max_value=10_000_000, required=False)
    nothing = forms.BooleanField(required=False)


class ResignForm(forms.Form):
    """Giving up."""

    nothing = forms.BooleanField(required=False)
