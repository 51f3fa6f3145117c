"""What a visit must be free of, pictures for people, and findings of axe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page

PICTURES = Path(__file__).parents[3] / "artifacts" / "game"
DESKTOP, PHONE, NARROW = ({"width": w, "height": h} for w, h in ((1280, 800), (390, 844), (320, 640)))
ABOUT_STATUS = re.compile(r"responded with a status of (\d+)")


@dataclass
class Trouble:
    """What was wrong in a visit.

    Attributes:
        expects: Statuses that the test provokes; the browser complains of each on its console.
        all: Complaints on the console, errors of scripts, violations of the policy, requests to elsewhere.
        requests: Addresses that were asked for.
    """

    expects: set[int] = field(default_factory=set)
    all: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def watch(context: BrowserContext, home: str) -> Trouble:
    """Keep what goes wrong in a visit."""
    trouble = Trouble()

    def on_console(message: ConsoleMessage) -> None:
        status = ABOUT_STATUS.search(message.text)
        expected = status is not None and int(status[1]) in trouble.expects
        offline = "ERR_INTERNET_DISCONNECTED" in message.text and 0 in trouble.expects
        if message.type in ("error", "warning") and not expected and not offline:
            trouble.all.append(f"console: {message.text}")

    def on_request(address: str) -> None:
        trouble.requests.append(address)
        if not address.startswith(home):
            trouble.all.append(f"request to elsewhere: {address}")

    context.on("console", on_console)
    context.on("weberror", lambda error: trouble.all.append(f"script: {error.error}"))
    context.on("request", lambda request: on_request(request.url))
    context.expose_function("tellViolation", lambda text: trouble.all.append(f"policy: {text}"))
    context.add_init_script(
        "addEventListener('securitypolicyviolation', e => tellViolation(`${e.violatedDirective} ${e.blockedURI}`))"
    )
    return trouble


def findings(page: Page, *rules: str) -> list[tuple[str, str]]:
    """Serious findings of axe: the rule, the first element that breaks it and why; of all rules, or of some."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    options: dict[str, Any] = {"preload": False, "resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    else:
        options["rules"] = {"target-size": {"enabled": True}}
    found = axe.run(page, options=options).response["violations"]
    return [
        (one["id"], one["nodes"][0]["html"][:300] + " " + one["nodes"][0]["failureSummary"][:300])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def keep(page: Page, name: str) -> None:
    """Keep a picture of the whole page for people (CI keeps the folder as an artefact)."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True, animations="disabled")


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
