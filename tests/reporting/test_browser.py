"""The report page in a real browser."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from igsm.reporting.report import ReportRequest, build_report, write_report
from igsm.reporting.results import Source

_spec = importlib.util.spec_from_file_location("browser", Path(__file__).parent / "browser.py")
assert _spec is not None
assert _spec.loader is not None
browser: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(browser)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser.PROGRAM is None, reason="no Chromium here (Debian: apt-get install chromium)"),
    pytest.mark.skipif(importlib.util.find_spec("vl_convert") is None, reason="no vl-convert-python here"),
]

TABLE = "document.querySelector('table.sortable')"
ORDER = f"Array.from({TABLE}.tBodies[0].rows).map(row => row.cells[0].innerText.trim())"
SORTS = f"Array.from({TABLE}.tHead.rows[0].cells).map(head => head.getAttribute('aria-sort'))"
DRAWN = "document.querySelectorAll('.chart:not([data-drawn])').length === 0"
COLOURS = """['body', '.chart svg text', '.scroll'].map(one => {
  const style = getComputedStyle(document.querySelector(one));
  return one.includes('text') ? style.fill : style.backgroundColor;
})"""
HINTS = """Array.from(document.querySelectorAll('.scroll')).map(box => [
  box.scrollWidth > box.clientWidth + 1,
  !box.closest('.wide').querySelector('.hint').hidden
])"""


def brightness(colour: str) -> float:
    """Of "rgb(22, 23, 26)": from 0 to 255."""
    return sum(map(float, colour.removeprefix("rgb(").rstrip(")").split(","))) / 3


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser.Browser(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


@pytest.fixture
def page(make_run, tmp_path: Path) -> Path:
    cells = [f"med_pq:op={op}" for op in (15, 20, 21, 22, 23)]
    rows = {"original": 0.5, "retry 0.2": 0.8, "retry 0.5": 0.65}
    sources = [
        Source(
            row,
            make_run(f"{row} {seed}", dict.fromkeys(cells, accuracy), kind="retry", rate=0.3, n=100, seed=seed),
            seed,
        )
        for row, accuracy in rows.items()
        for seed in (1, 2)
    ]
    sources.append(Source("not run yet", tmp_path / "missing"))
    request = ReportRequest("Figure 4", sources, "What is shown.", figure="figure4", columns=cells)
    write_report(build_report(request), tmp_path / "report")
    return tmp_path / "report" / "index.html"


def shown(tab: Any, page: Path, width: int, scheme: str = "light", media: str = "screen") -> None:
    """Open the page and wait until its figures are drawn."""
    tab.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.open(page, width)
    for _ in range(600):
        if tab.value(DRAWN):
            return
        time.sleep(0.1)
    raise AssertionError("the figures are not drawn")


@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_fits_and_asks_nothing_of_the_network(tab: Any, page: Path, width: int, tmp_path: Path) -> None:
    """Guards against script errors, requests, figures that are not drawn, a page wider than its window, small print,
    and boxes that are cut off without a word. A screenshot is left in pytest's temporary folder."""
    tab.requests.clear()
    shown(tab, page, width)
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value("document.querySelectorAll('.chart svg').length") == 4
    heights = tab.value("Array.from(document.querySelectorAll('.chart svg')).map(one => one.clientHeight)")
    assert min(heights) > 200
    assert tab.value("parseFloat(getComputedStyle(document.body).fontSize)") >= 14
    tab.value("for (const one of document.querySelectorAll('details')) one.open = true")
    tab.value("new Promise(done => setTimeout(done, 300))")
    hints = tab.value(HINTS)
    assert [wide for wide, _ in hints] == [told for _, told in hints]
    assert any(wide for wide, _ in hints) == (width == 390)
    tab.picture(tmp_path / f"page-{width}.png")
    assert tab.errors == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []


def test_tables_sort_by_keyboard(tab: Any, page: Path) -> None:
    """Guards against columns that only a mouse can sort, and a reader of screens that is not told."""
    shown(tab, page, 1400)
    assert tab.value(ORDER) == ["original", "retry 0.2", "retry 0.5", "not run yet"]
    for _ in range(60):
        press(tab, "Tab")
        if tab.value("document.activeElement.tagName") == "BUTTON":
            break
    press(tab, "Tab")
    assert tab.value("document.activeElement.innerText.trim()").startswith("op = 15")
    assert tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(tab, "Enter")
    assert tab.value(ORDER) == ["retry 0.2", "retry 0.5", "original", "not run yet"]
    assert tab.value(SORTS)[:3] == ["none", "descending", "none"]
    press(tab, "Enter")
    assert tab.value(ORDER) == ["original", "retry 0.5", "retry 0.2", "not run yet"]
    assert tab.value(SORTS)[:3] == ["none", "ascending", "none"]


def press(tab: Any, key: str) -> None:
    code = {"Tab": 9, "Enter": 13}[key]
    text = {"text": "\r"} if key == "Enter" else {}
    tab.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
    tab.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)


def test_a_number_under_the_pointer_says_n_interval_and_seeds(tab: Any, page: Path) -> None:
    """Guards against figures that say nothing more than a picture."""
    shown(tab, page, 1400)
    place = tab.value(
        """(() => {
          const layers = document.querySelector('.chart svg').querySelectorAll('.mark-symbol.role-mark');
          const path = layers[layers.length - 1].querySelector('path');
          path.scrollIntoView({ block: 'center' });
          const box = path.getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2];
        })()"""
    )
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
    tab.value("new Promise(done => setTimeout(done, 300))")
    text = tab.value("document.querySelector('#vg-tooltip-element.visible')?.innerText || ''")
    for part in ("original", "op = 15", "100 problems", "95 % over problems", "95 % over training seeds", "1: ", "2: "):
        assert part in text
    width = tab.value("document.querySelector('#vg-tooltip-element').getBoundingClientRect().width")
    assert 100 < width < 400


def test_dark_mode_and_print(tab: Any, page: Path) -> None:
    """Guards against black letters on black, in figures too, and a dark sheet of paper with folded parts."""
    shown(tab, page, 1400)
    light = [brightness(one) for one in tab.value(COLOURS)]
    shown(tab, page, 1400, "dark")
    dark = [brightness(one) for one in tab.value(COLOURS)]
    assert light[0] > 240
    assert light[2] > 240
    assert light[1] < 60
    assert max(dark[0], dark[2]) < 50
    assert dark[1] > 200
    shown(tab, page, 1400, "dark", "print")
    paper = [brightness(one) for one in tab.value(COLOURS)]
    assert paper[0] == 255
    assert paper[1] < 60
    assert tab.value("getComputedStyle(document.querySelector('nav')).display") == "none"
    tab.value("dispatchEvent(new Event('beforeprint'))")
    assert tab.value("document.querySelectorAll('details:not([open])').length") == 0
    tab.value("dispatchEvent(new Event('afterprint'))")
    assert tab.value("document.querySelectorAll('details:not([open])').length") > 0
