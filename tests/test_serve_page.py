"""The page of the server in a browser: typed, drawn, written, and what it must not do.

They need Chromium or Chrome, and are skipped without.
"""

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

from seqtrain.serving import answers, app, guard
from tests.factories.served import served_run

pytestmark = [pytest.mark.slow, pytest.mark.tf]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PHONE = {"width": 380, "height": 800}
TOKEN = "a-token-of-this-test"


@contextmanager
def serving(folder: Path, kind: str, token: str | None = None) -> Iterator[str]:
    """Serve a run in a thread of this process; yield its address."""
    application: Any = app.create(answers.of_run(served_run(folder, kind)), token, guard.LOOPBACK)
    config = uvicorn.Config(application, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Open the page of a kind of run at the width of a phone; complaints fail the test."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])

        @contextmanager
        def page_of(kind: str, token: str | None = None, **context: Any) -> Iterator[Any]:
            complaints: list[str] = []
            requests: list[str] = []
            with serving(tmp_path_factory.mktemp(kind), kind, token) as url:
                opened = browser.new_context(viewport=PHONE, **context)
                page = opened.new_page()
                page.on("console", lambda message: complaints.append(message.text))
                page.on("pageerror", lambda error: complaints.append(str(error)))
                page.on("request", lambda request: requests.append(request.url))
                page.goto(url)
                yield page
                assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
                opened.close()
            assert [one for one in requests if not one.startswith((url, "data:"))] == []
            assert [one for one in complaints if "401" not in one] == []

        yield page_of


def test_the_answer_moves_while_a_text_is_typed(opened: Any) -> None:
    with opened("texts") as page:
        expect(page.locator("#texts textarea")).to_be_focused()
        page.keyboard.type("never dull")
        expect(page.locator("#texts .steps tbody tr")).to_have_count(3)
        expect(page.locator("#texts .answer")).to_contain_text("%")
        page.keyboard.type(" zebra")
        expect(page.locator("#texts .steps")).to_contain_text("[zebra]")


def test_a_picture_is_drawn_and_read_row_by_row(opened: Any) -> None:
    with opened("pictures", color_scheme="dark") as page:
        box = page.locator("#drawn").bounding_box()
        page.mouse.move(box["x"] + 140, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 140, box["y"] + 240, steps=5)
        page.mouse.up()
        expect(page.locator("#pictures .steps tbody tr")).to_have_count(8)
        page.locator("[name=clear]").click()
        expect(page.locator("#pictures .steps")).to_have_count(0)
        page.locator("#drawn").focus()
        for key in ("Space", "ArrowDown", "ArrowDown", "ArrowRight"):
            page.keyboard.press(key)
        expect(page.locator("#pictures .steps tbody tr")).to_have_count(8)


def test_a_text_is_written_token_by_token(opened: Any) -> None:
    with opened("writing") as page:
        page.locator("[name=beginning]").fill("the ")
        page.locator("[name=tokens]").fill("40")
        page.get_by_role("button", name="Write").click()
        expect(page.locator(".passage span")).to_have_count(40)
        assert page.locator(".passage").inner_text().startswith("the ")


def test_a_translation_has_its_attention(opened: Any) -> None:
    with opened("translation") as page:
        page.locator("#translation textarea").fill("1+<b>2")  # other tokens are read as unknown
        page.get_by_role("button", name="Translate").click()
        expect(page.locator(".attention tbody tr").first).to_be_visible()
        assert page.locator("main b").count() == 0


def test_newer_rows_are_forecast(opened: Any) -> None:
    with opened("series") as page:
        rows = [f"2001-{month:02},{month % 5}" for month in range(1, 13)]
        page.locator("[name=rows]").fill("\n".join(["month,value", *rows]))
        page.get_by_role("button", name="Forecast").click()
        expect(page.locator("#series tbody tr")).to_have_count(3)
        expect(page.locator("#series tbody tr").first).to_contain_text("2002-01")


def test_a_sequence_is_pasted_and_the_token_asked_for(opened: Any) -> None:
    with opened("sequences", token=TOKEN) as page:
        page.locator("[name=token]").fill(TOKEN)
        page.keyboard.press("Enter")
        page.locator("[name=values]").fill("1 2\n3 4")
        page.get_by_role("button", name="Predict").click()
        expect(page.locator("#sequences .steps tbody tr")).to_have_count(2)
        with page.expect_download() as saved:
            page.get_by_role("link", name="OpenAPI description").click()
        assert json.loads(Path(saved.value.path()).read_text())["openapi"]
