"""Make the picture of the game in the README anew: a round on scikit-image's photos, as Chromium shows it.

python docs/images/make_game_image.py
"""

from __future__ import annotations

import io
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import skimage.data
from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHOTOS = {"Egyptian cat": "chelsea", "espresso": "coffee", "missile": "rocket"}
CONFIG = """
[campaign]
name = "picture"
languages = ["en", "it"]
[quality]
honeypot_rate = [[0, 0.0]]
control_rate = 0.0
training_rounds = 0
[play]
max_maps_per_image = 90
"""
LABELS = ("orange fur", "short hair")  # fit every map of the cat
STEP = 4
ROUNDS = 90
CAT, DEEP, HEAVY = 285, 0.5, 20.0


def layerlore(*words: object) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "layerlore", *map(str, words)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own


def make_campaign(folder: Path) -> Path:
    """A campaign without rounds of other kinds, so that a round of the cat comes soon."""
    for label, name in PHOTOS.items():
        (folder / "photos" / label).mkdir(parents=True)
        Image.fromarray(getattr(skimage.data, name)()).save(folder / "photos" / label / f"{name}.png")
    study = folder / "study"
    layerlore("study", "create", study, "--images", folder / "photos")
    layerlore("study", "run", study)
    (study / "campaign").mkdir()
    (study / "campaign" / "campaign.toml").write_text(CONFIG, encoding="utf-8")
    layerlore("campaign", "build", study, "--seed", 1)
    return study


def fits(study: Path, address: str) -> bool:
    """Whether the round shows the cat by a deep map that is heavy enough to be one thing."""
    token = address.rstrip("/").rpartition("/")[2]
    query = "SELECT p.class_index, m.layer_depth, m.weight FROM game_round r JOIN game_map m ON m.id = r.map_id "
    query += "JOIN game_picture p ON p.id = m.picture_id WHERE r.token = ?"
    with closing(sqlite3.connect(study / "campaign" / "game.sqlite3")) as database:
        index, depth, weight = database.execute(query, (token,)).fetchone()
    return bool(index == CAT and depth > DEEP and weight > HEAVY)


def play(page: Page) -> None:
    """Show more and say what is to be seen."""
    for step in range(2, STEP + 1):
        page.get_by_role("button", name="Show more").click()
        page.get_by_role("heading", name=f"Step {step} of").wait_for()
    for label in LABELS:
        field = page.get_by_role("textbox").first
        field.fill(label)
        field.press("Enter")
        page.get_by_role("button", name=f"Remove: {label}").wait_for()
    page.get_by_text("Egyptian cat").click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)


def main() -> None:
    """Play until the cat is shown, type what is to be seen, and keep the screen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        study = make_campaign(Path(folder))
        command = [sys.executable, "-m", "layerlore", "play", str(study), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:  # noqa: S603 - our own
            address = server.stdout.readline().strip() if server.stdout else ""
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1180, "height": 700}, device_scale_factor=1.25)
            page.goto(f"{address}consent/")
            for box in page.get_by_role("checkbox").all():
                box.check()
            page.get_by_role("button", name="Play as a guest").click()
            for _ in range(ROUNDS):
                page.get_by_role("heading", name="Step 1 of").wait_for()
                if fits(study, page.url):
                    break
                page.get_by_role("button", name="Resign").click()
                page.get_by_role("button", name="Next round").click()
            play(page)
            shot = page.screenshot()
            browser.close()
            server.terminate()
    target = Path(__file__).with_name("game.webp")
    Image.open(io.BytesIO(shot)).convert("RGB").save(target, quality=88, method=6)
    print(target.name, f"{target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
