"""A report in a browser: what a person can do with it, and what its content cannot do.

They need Chromium or Chrome, and are skipped without.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from seqtrain import report
from tests.factories.reported import hostile_run, insightful_run, reported_run, seeds_of_one

pytestmark = pytest.mark.slow
LONG = "a_name_without_a_space_that_is_longer_than_a_phone_is_wide"
EVERY = ("one", "several", "seeds", "long", "hostile")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window, as it is installed here."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])


class Seen:
    """A page that is open in the browser, with what it complained of and asked for."""

    def __init__(self, browser: Any, file: Path, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.resolve().as_uri())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of one run, of several, of seeds, of one with insight, and of a hostile one."""
    outputs = tmp_path_factory.mktemp("outputs")
    runs = {
        "one": [reported_run(outputs, classes=3)],
        "several": [reported_run(outputs, classes=2, name=name) for name in ("a", "b")],
        "seeds": seeds_of_one(outputs, name="seeds"),
        "long": [insightful_run(outputs, name=LONG), reported_run(outputs, 2, name=f"{LONG}s")],
        "hostile": [hostile_run(outputs)],
    }
    for name, chosen in runs.items():
        report.write(chosen, outputs / f"{name}.html")
    return {name: outputs / f"{name}.html" for name in runs}


@pytest.fixture
def opened(browser: Any, files: dict[str, Path]) -> Iterator[Any]:
    """Open a report: `opened("one", color_scheme="dark")`."""
    contexts = []

    def open_(name: str, **context: Any) -> Seen:
        seen = Seen(browser, files[name], **context)
        contexts.append(seen.context)
        return seen

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", EVERY)
def test_a_page_complains_of_nothing_and_asks_for_nothing(name: str, opened: Any) -> None:
    seen = opened(name)
    assert seen.page.locator("figure.chart svg").count() >= 3
    assert seen.complaints == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in seen.requests if url.startswith("file:")]) == 1


def test_hostile_names_are_text(opened: Any) -> None:
    page = opened("hostile").page
    assert page.locator("img").count() == 0
    assert page.locator("th", has_text="<img src=x onerror=alert(1)>").first.is_visible()
    page.locator("button[data-cell]").first.click()
    assert page.locator(".which b").inner_text().startswith("<img src=x")
    assert page.locator("img").count() == 0


def test_pointing_at_a_curve_tells_its_numbers(opened: Any) -> None:
    page = opened("one").page
    page.locator(".drawing").first.hover()
    expect(page.locator(".tip").first).to_contain_text("epoch 2validation0.4000train0.5000")


def test_the_arrow_keys_walk_along_a_curve(opened: Any) -> None:
    page = opened("one").page
    page.locator(".drawing").first.focus()
    for key, epoch in (("Right", 1), ("Right", 2), ("Right", 3), ("Left", 2)):
        page.keyboard.press(f"Arrow{key}")
        expect(page.locator(".tip").first).to_contain_text(f"epoch {epoch}")


def test_a_click_on_a_count_leaves_its_mistakes(opened: Any) -> None:
    page = opened("one").page
    every = cells(page)
    button = page.locator("button[data-cell]").first
    button.click()
    assert cells(page) == [button.get_attribute("data-cell")] * int(button.inner_text())
    assert re.match(r"class \d taken for class \d: \d+", page.locator(".which b").inner_text())
    page.locator(".all").click()
    assert cells(page) == every


def cells(page: Any) -> list[str]:
    """Return the cell of each mistake that is shown."""
    return [row.get_attribute("data-cell") for row in page.locator("tr[data-cell]:visible").all()]


@pytest.mark.parametrize("name", EVERY)
def test_a_phone_shows_all_without_scrolling_sideways(name: str, opened: Any) -> None:
    page = opened(name, viewport={"width": 380, "height": 800}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_the_colours_follow_the_system_and_paper_is_light(opened: Any) -> None:
    page = opened("one", color_scheme="dark").page
    assert_colours(page, "dark")
    page.emulate_media(color_scheme="light")
    assert_colours(page, "light")
    page.emulate_media(color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert_colours(page, "light")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert_colours(page, "dark")


def assert_colours(page: Any, scheme: str) -> None:
    """Compare the colours of a heading and of the first letters of a chart with a scheme's."""
    ink, soft = {
        "dark": ("rgb(236, 234, 229)", "rgb(162, 167, 177)"),
        "light": ("rgb(27, 29, 34)", "rgb(93, 99, 110)"),
    }[scheme]
    expect(page.locator("h1")).to_have_css("color", ink)
    expect(page.locator(".chart svg text").first).to_have_css("fill", soft)


def test_without_scripts_the_sentence_and_the_tables_stay(opened: Any) -> None:
    page = opened("one", java_script_enabled=False).page
    assert page.locator(".lead").is_visible()
    assert page.locator("table.numbers").first.is_visible()
    assert page.locator("table.matrix").is_visible()
    assert page.locator("tr[data-cell]").first.is_visible()
    assert "The charts need JavaScript" in page.inner_text("main")


def test_a_logarithmic_axis_has_powers_of_ten(opened: Any) -> None:
    chart = opened("long").page.locator("#gradients .chart").first
    assert "1e-9" in chart.locator("text").all_text_contents()


def test_the_config_is_copied(opened: Any) -> None:
    seen = opened("one", permissions=["clipboard-read", "clipboard-write"])
    seen.page.locator(".copy").last.click()
    assert "learning_rate: 0.003" in seen.page.evaluate("navigator.clipboard.readText()")


def test_a_page_can_be_printed(opened: Any, tmp_path: Path) -> None:
    printed = opened("several").page.pdf(path=tmp_path / "page.pdf")
    assert printed.startswith(b"%PDF")
