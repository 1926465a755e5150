"""The page in a real browser: hostile text is inert, nothing is fetched, it fits a phone, and it can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopwright.cluster.mode import Clustering
from loopwright.collect.intake import Intake
from loopwright.surfaces.reports.page import render
from loopwright.workflows.analysis import Analysis
from loopwright.workflows.rates import rate

pytestmark = pytest.mark.browser

Make = Callable[..., Analysis]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
HOSTILE = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'><svg onload=window.pwned=3>"
    "</script><script>window.pwned = 4</script></style><style>body { display: none }</style></title></textarea>"
    "<a href='javascript:window.pwned=5'>x</a><iframe src='http://127.0.0.1:9/'></iframe><base href='http://127.0.0.1:9/'>"
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'><form action='http://127.0.0.1:9/'>"
    "<input autofocus onfocus=window.pwned=6>"
    "{{ 7*7 }} ${window.pwned=7} \u202ereversed \x00 \x1b[2J\x1b]8;;http://127.0.0.1:9/\x07 --> ]]> &lt;b&gt; "
)


@contextmanager
def opened(
    browser: Any, file: Path, html: str, scheme: str = "light", js: bool = True, size: dict[str, int] | None = None
) -> Iterator[Any]:
    """The page from a file, in a tab of its own; leaving it asserts that it fetched nothing and complained of nothing."""
    file.write_text(html, encoding="utf-8")
    complaints: list[str] = []
    requests: list[str] = []
    context = browser.new_context(viewport=size or DESK, color_scheme=scheme, java_script_enabled=js, reduced_motion="reduce")
    try:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        yield page
        assert complaints == []
        assert [url for url in requests if url != file.as_uri() and url != "data:,"] == []
    finally:
        context.close()


def open_everything(page: Any) -> None:
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")


def widest(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


@pytest.fixture(params=["files", "store"])
def make(request: pytest.FixtureRequest, analysis: Make, whole: Make) -> Make:
    """Makes the analysis of files, or of a store that holds everything."""
    return analysis if request.param == "files" else whole


def test_hostile_text_is_inert(browser: Any, file: Path, make: Make) -> None:
    with opened(browser, file, render(make(HOSTILE))) as page:
        open_everything(page)
        page.wait_for_timeout(200)
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("document.querySelectorAll('iframe, img, form, input, base, object, embed').length") == 0
        assert page.evaluate("document.scripts.length") == 1
        assert page.evaluate("[...document.querySelectorAll('a')].every(a => a.getAttribute('href').startsWith('#'))")
        assert page.url == file.as_uri()
        shown = page.inner_text("main")
        assert "<script>window.pwned = 1</script>" in shown
        assert "⟨U+202E⟩reversed ␀ ␛[2J" in shown
        assert "{{ 7*7 }}" in shown


def test_the_browser_and_the_page_agree_on_the_tree(browser: Any, file: Path, make: Make) -> None:
    """Parsed again from what the browser made of it, the page has the same elements: nothing had to be mended."""
    html = render(make(HOSTILE))
    with opened(browser, file, html) as page:
        count = "(h) => new DOMParser().parseFromString(h, 'text/html').querySelectorAll('*').length"
        assert page.evaluate(count, page.content()) == page.evaluate(count, html)
        assert page.evaluate("document.compatMode") == "CSS1Compat"


@pytest.mark.parametrize("text", ["I want my money back", "x" * 3000, HOSTILE], ids=["plain", "unbroken", "hostile"])
def test_a_phone_never_scrolls_sideways(browser: Any, file: Path, make: Make, text: str) -> None:
    with opened(browser, file, render(make(text, count=30, kinds=9)), size=PHONE) as page:
        assert widest(page) <= PHONE["width"]
        open_everything(page)
        assert widest(page) <= PHONE["width"]


def test_a_huge_message_opens_quickly(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis("word & <b> " * 100_000))) as page:
        open_everything(page)
        assert "characters not shown" in page.inner_text("main")


def test_without_scripts_everything_can_be_read(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis()), js=False) as page:
        assert page.locator("button:visible").count() == 0
        for heading in (
            "Failure modes",
            "Failure rates",
            "Over time",
            "Ranked failures",
            "Each mode",
            "One-offs",
            "What to do next",
            "Limits",
        ):
            assert page.get_by_role("heading", name=heading, exact=True).is_visible()
        row = page.locator("#failure-2")
        assert not row.locator(".talk").is_visible()
        row.locator("summary").first.click()
        assert row.locator(".turn.pinned").first.is_visible()


def test_without_scripts_the_loop_can_be_read_too(browser: Any, file: Path, whole: Make) -> None:
    with opened(browser, file, render(whole()), js=False) as page:
        for heading in ("Proposals", "Releases", "What changed in production", "Who decided what"):
            assert page.get_by_role("heading", name=heading, exact=True).is_visible()
        said = page.locator("#proposal-1 .said-so").first
        assert not said.locator(".talk").is_visible()
        said.locator("summary").first.click()
        assert said.locator(".turn.pinned").first.is_visible()


def test_on_a_phone_a_verification_is_read_without_scrolling(browser: Any, file: Path, whole: Make) -> None:
    with opened(browser, file, render(whole("refunds")), size={"width": 390, "height": 800}) as page:
        open_everything(page)
        tables = page.locator(".verified, .effects")
        assert tables.count() >= 3
        assert tables.evaluate_all("tables => tables.every(t => t.scrollWidth <= t.parentElement.clientWidth)")
        assert page.get_by_role("table").count() > tables.count()


def test_a_link_to_a_failure_opens_it(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis())) as page:
        page.evaluate("location.hash = '#failure-3'")
        page.locator("#failure-3[open] .turn.pinned").first.wait_for()


def test_the_draft_is_copied(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis())) as page:
        page.locator(".draft > summary").first.click()
        button = page.locator(".draft .copy").first
        button.click()
        page.wait_for_function("['copied', 'selected'].includes(document.querySelector('.draft .copy').textContent)")


def test_the_theme_is_toggled_and_kept(browser: Any, file: Path, analysis: Make) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, file, render(analysis())) as page:
        light = page.evaluate(background)
        page.locator(".theme").click()
        dark = page.evaluate(background)
        assert light != dark
        page.reload()
        assert page.evaluate(background) == dark


CONTRASTS = """
() => {
  const channels = (c) => c.match(/[\\d.]+/g).map(Number);
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => [r, g, b].map((v) => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => a * top[i] + (1 - a) * under[i]); };
  const ground = (node) => {
    const layers = [];
    for (let n = node; n; n = n.parentElement) layers.push(channels(getComputedStyle(n).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const opacity = (node) => {
    let o = 1;
    for (let n = node; n; n = n.parentElement) o *= Number(getComputedStyle(n).opacity);
    return o;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest("svg, script, style, .sr, .skip") || !node.checkVisibility()) continue;
    const under = ground(node);
    const ink = channels(getComputedStyle(node).color);
    const top = over([...ink.slice(0, 3), (ink[3] ?? 1) * opacity(node)], under);
    const [a, b] = [luminance(top), luminance(under)].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.className || node.tagName, text.data.trim().slice(0, 30)]);
  }
  return found.sort((a, b) => a[0] - b[0]).slice(0, 5);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(browser: Any, file: Path, make: Make, scheme: str) -> None:
    with opened(browser, file, render(make()), scheme=scheme) as page:
        open_everything(page)
        worst = page.evaluate(CONTRASTS)
        assert worst[0][0] >= 4.5, worst


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_modes_stand_out_from_the_ground(browser: Any, file: Path, analysis: Make, scheme: str) -> None:
    with opened(browser, file, render(analysis(count=40, kinds=7)), scheme=scheme) as page:
        ratios = page.evaluate("""
() => {
  const channels = (c) => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const luminance = (c) => channels(c).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return [...document.querySelectorAll(".mode")].map((mode) => {
    const [a, b] = [getComputedStyle(mode.querySelector(".mark")).fill, getComputedStyle(mode).backgroundColor].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}
""")
        assert len(ratios) == 7
        assert min(ratios) >= 3


def test_the_keyboard_reaches_what_can_be_used(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis())) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        page.locator("#failure-2 > summary").focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.querySelector('#failure-2').open")


def test_landmarks_and_names(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis())) as page:
        for role in ("banner", "navigation", "main", "contentinfo"):
            assert page.get_by_role(role).count() == 1
        assert page.get_by_role("img", name="Map of failure modes").count() == 1
        assert page.evaluate("[...document.querySelectorAll('button')].every(b => b.textContent.trim() || b.ariaLabel)")
        assert page.evaluate("document.documentElement.lang") == "en"


def test_print_is_light_and_without_controls(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis()), scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(26, 30, 36)"
        assert page.locator("button:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_empty_page_is_whole(browser: Any, file: Path, analysis: Make, scheme: str) -> None:
    nothing = replace(
        analysis(count=0, kinds=0, failing=rate(0, 0), periods=(), span=None, types=(), detectors=()),
        clustering=Clustering((), (), "", "", 0), intake=Intake(),
    )  # fmt: skip
    with opened(browser, file, render(nothing), scheme=scheme, size=PHONE) as page:
        assert page.get_by_role("heading", name="No traces were read, so nothing can be said.").is_visible()
        assert widest(page) <= PHONE["width"]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_map_holds_its_marks_and_labels(browser: Any, file: Path, analysis: Make, size: dict[str, int]) -> None:
    with opened(browser, file, render(analysis(count=40, kinds=9)), size=size) as page:
        outside = page.evaluate("""
() => {
  const box = document.querySelector(".map").getBoundingClientRect();
  return [...document.querySelectorAll(".dot, .label")].map((mark) => mark.getBoundingClientRect())
    .filter((b) => b.top < box.top || b.left < box.left || b.right > box.right || b.bottom > box.bottom).length;
}
""")
        assert page.locator(".label").count() > 0
        assert outside == 0


def test_on_a_phone_no_rate_bar_is_cut(browser: Any, file: Path, analysis: Make) -> None:
    with opened(browser, file, render(analysis()), size={"width": 390, "height": 800}) as page:
        assert page.locator(".rates .bar").count() > 0
        assert page.evaluate("[...document.querySelectorAll('.rates .bar')].every(b => b.getBoundingClientRect().right <= 374)")
