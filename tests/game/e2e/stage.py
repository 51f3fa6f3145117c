"""People of the game, each with a browser of their own, who go to a page and stay there to be looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from live import STAFF, six_digits

if TYPE_CHECKING:
    from collections.abc import Callable

    from live import Live
    from playwright.sync_api import BrowserContext, Page
    from visits import Trouble

PASSWORD = "three grey mules at dawn"  # noqa: S105
SUBMIT = """([path, fields]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: path });
    fields.csrfmiddlewaretoken ??= document.querySelector("[name=csrfmiddlewaretoken]").value;
    for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(form);
    form.submit();
}"""


@dataclass
class Person:
    """Somebody with a browser.

    Attributes:
        page: What is open.
        trouble: What was wrong so far.
        status: Of the page that is open.
    """

    page: Page
    trouble: Trouble
    status: int = 0

    def open(self, path: str) -> Person:
        """Go to a page."""
        answer = self.page.goto(path)
        self.status = answer.status if answer else 0
        return self

    def post(self, path: str, **fields: str) -> Person:
        """Send a form with these fields, whatever the page offers; what comes back is shown."""
        with self.page.expect_navigation() as shown:
            self.page.evaluate(SUBMIT, [path, fields])
        self.status = shown.value.status if shown.value else 0
        return self

    @property
    def token(self) -> str:
        """The round that the address names."""
        found = re.search(r"/round/([0-9a-f]{32})/", self.page.url)
        assert found, self.page.url
        return found[1]

    @property
    def path(self) -> str:
        """Of the page that is open."""
        return urlsplit(self.page.url).path


@dataclass
class Stage:
    """Everybody, in one language.

    Attributes:
        game: The game.
        language: Of the pages.
        new_visitor: Makes a context.
        staff: Gives the cookies of staff who have shown the second factor.
        people: Who is here already.
    """

    game: Live
    language: str
    new_visitor: Callable[..., tuple[BrowserContext, Trouble]]
    staff: Callable[[], dict[str, object]]
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, name: str, **options: object) -> Person:
        """Somebody, with the language in a cookie; the same one each time."""
        if name not in self.people:
            context, trouble = self.new_visitor(**options)
            language = {"name": "layerlore-language", "value": self.language, "url": self.game.address}
            context.add_cookies([language])
            self.people[name] = Person(context.new_page(), trouble)
        return self.people[name]

    @property
    def stranger(self) -> Person:
        """Somebody who has not agreed to anything."""
        return self.person("stranger")

    @property
    def guest(self) -> Person:
        """Somebody who plays without an account."""
        return self.player("guest")

    @property
    def member(self) -> Person:
        """Somebody with an account, who has been shown a recovery code; a mail with a link is on its way to them."""
        if "member" not in self.people:
            fields = {"name": f"mara-{self.language}", "password": PASSWORD, "email": self.mailbox}
            self.person("member").open("/accounts/signup/").post("/accounts/signup/", **fields, agree="1", age="1")
            self.person("forgetful").open("/accounts/password-reset/").post(
                "/accounts/password-reset/", email=self.mailbox
            )
        return self.people["member"]

    @property
    def mailbox(self) -> str:
        """The member's address."""
        return f"mara-{self.language}@example.org"

    @property
    def boss(self) -> Person:
        """Staff."""
        return self.person("boss", storage_state=self.staff())

    def player(self, name: str) -> Person:
        """Somebody who agreed and has begun a round."""
        if name not in self.people:
            self.person(name).open("/consent/").post("/start/", agree="1", age="1")
        return self.people[name]

    def in_round(self, name: str = "guest") -> Person:
        """Somebody in a round that is open."""
        return self.player(name).open("/").post("/play/")

    def close(self) -> None:
        """Everybody leaves."""
        for person in self.people.values():
            person.page.context.close()


def become_staff(person: Person, link: str) -> None:
    """By the one-time link, a password, a log-in and the second factor, on the pages as they are."""
    page = person.page
    page.goto(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    page.get_by_label(re.compile("^(Name|Username)")).fill(STAFF)
    page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Set it up").click()
    digits = six_digits(shown_secret(page))
    page.get_by_label("Six digits").fill(digits)
    page.get_by_role("main").get_by_role("button", name="Go on").click()
    page.wait_for_url("**/staff/")


def shown_secret(page: Page) -> str:
    """The secret for an authenticator that the page shows, maybe in groups of letters."""
    text = page.get_by_role("main").inner_text()
    found = re.search(r"\b(?:[A-Z2-7]{4}[ -]?){8}\b", text)
    assert found, text
    return found[0].replace("-", "")
