"""The report page in a real browser."""

from __future__ import annotations

import importlib.util
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
]

ORDER = "Array.from(document.querySelectorAll('table.sortable tbody')[0].rows).map(row => row.cells[0].innerText)"
HEADS = "document.querySelectorAll('table.sortable')[0].querySelectorAll('thead th button')"


@pytest.fixture
def page(make_run, tmp_path: Path) -> Path:
    cells = [f"med_pq:op={op}" for op in (15, 20, 21, 22, 23)]
    rows = {"original": 0.5, "retry 0.2": 0.8, "retry 0.5": 0.65}
    sources = [
        Source(row, make_run(row.replace(" ", "-"), dict.fromkeys(cells, accuracy), kind="retry", rate=0.3))
        for row, accuracy in rows.items()
    ]
    sources.append(Source("not run yet", tmp_path / "missing"))
    request = ReportRequest("Figure 4", sources, "What is shown.", figure="figure4", columns=cells)
    write_report(build_report(request), tmp_path / "report")
    return tmp_path / "report" / "index.html"


def test_page_in_chromium(page: Path, tmp_path: Path) -> None:
    """Guards against script errors, requests to the network, dead sorting, missing figures, and a page that is wider
    than a phone. Screenshots are left in pytest's temporary folder."""
    with browser.Browser(tmp_path / "profile") as tab:
        for width in (390, 1280):
            tab.open(page, width)
            assert tab.value("document.documentElement.scrollWidth") <= width
            pictures = tab.value("Array.from(document.images).map(image => image.complete && image.naturalWidth)")
            assert len(pictures) >= 3
            assert all(pixels > 300 for pixels in pictures)
            assert tab.value("parseFloat(getComputedStyle(document.body).fontSize)") >= 14
            tab.picture(tmp_path / f"page-{width}.png")

        assert tab.value(ORDER) == ["original", "retry 0.2", "retry 0.5", "not run yet"]
        tab.value(f"{HEADS}[1].click()")
        assert tab.value(ORDER) == ["retry 0.2", "retry 0.5", "original", "not run yet"]
        tab.value(f"{HEADS}[1].click()")
        assert tab.value(ORDER) == ["original", "retry 0.5", "retry 0.2", "not run yet"]
        assert tab.value("document.querySelectorAll('.solution s').length") > 0

        assert tab.errors == []
        assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []
