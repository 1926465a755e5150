from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from builders import case, failure, signal, user
from loopwright.cluster.mode import Clustering
from loopwright.collect.intake import Intake, Rejected
from loopwright.evaluate.case import Check
from loopwright.surfaces.reports.draft import draft_text
from loopwright.surfaces.reports.page import render, small_print, verdict
from loopwright.surfaces.reports.text import visible
from loopwright.workflows.analysis import Analysis
from loopwright.workflows.rates import rate

Make = Callable[..., Analysis]
NO_CLUSTERS = Clustering((), (), "average", "minilm", 0)
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Outline(HTMLParser):
    """Checks that elements nest, and keeps ids, links, text and tag names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs), f"an attribute twice in <{tag}>"
        self.tags.append((tag, given))
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if given.get("href"):
            self.links.append(given["href"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(params=["files", "store"])
def any_analysis(request: pytest.FixtureRequest, analysis: Make, whole: Make) -> Analysis:
    return analysis() if request.param == "files" else whole()


def test_the_page_nests_and_its_links_lead_somewhere(any_analysis: Analysis) -> None:
    page = Outline(render(any_analysis))
    assert len(page.ids) == len(set(page.ids))
    inner = [link[1:] for link in page.links if link.startswith("#")]
    assert inner
    assert set(inner) <= set(page.ids)
    assert [link for link in page.links if not link.startswith("#")] == ["data:,"]


def test_headings_go_down_one_level_at_a_time(any_analysis: Analysis) -> None:
    levels = [int(tag[1]) for tag, _ in Outline(render(any_analysis)).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_nothing_is_loaded_and_no_code_stands_in_attributes(any_analysis: Analysis) -> None:
    html = render(any_analysis)
    page = Outline(html)
    for tag, attributes in page.tags:
        assert not {a for a in attributes if a.startswith("on") or a in ("src", "srcset", "style", "action")}, (tag, attributes)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "url(" not in html
    assert "@import" not in html


def test_templates_never_switch_escaping_off() -> None:
    templates = files("loopwright.surfaces.reports") / "templates"
    found = [place for place in templates.iterdir() if place.name.endswith(".j2")]
    assert len(found) == 5
    for place in found:
        source = place.read_text(encoding="utf-8")
        assert "|safe" not in source.replace(" ", "")
        assert "autoescape" not in source
    assert "innerHTML" not in (templates / "report.js").read_text(encoding="utf-8")


@hypothesis_settings(max_examples=25)
@given(
    st.text(alphabet=st.characters(exclude_characters=" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85"), min_size=1, max_size=30).filter(
        str.strip
    )
)
def test_every_quoted_text_appears_escaped(analysis: Make, text: str) -> None:
    quoted = f"<i>{text}&\"'"
    html = render(analysis(quoted))
    body = html.split("<body>")[1]
    shown = escape(visible(" ".join(quoted.split())), quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    assert "<i>" not in html
    assert body.count(shown) > 20


def test_template_language_in_a_trace_is_text(analysis: Make) -> None:
    html = render(analysis("{{ 7 * 7 }} {% include 'x' %} {# gone #}"))
    assert "{{ 7 * 7 }} {% include &#39;x&#39; %} {# gone #}" in html
    assert "49 {" not in html


def test_the_verdict_counts_what_was_found(analysis: Make) -> None:
    plain = verdict(analysis(count=9, kinds=2)).replace("\u00a0", " ")
    read = "27 traces read: 9 show strong or fair evidence of failure (33.3 %)."
    assert plain == f"{read} 2 failure modes cover 88.9 % of what was found."


@pytest.mark.parametrize(
    ("total", "said"),
    [
        (0, "No traces were read, so nothing can be said."),
        (12, "12 traces read; none shows a sign of failure that a rule can see."),
    ],
)
def test_nothing_to_show_is_said_and_the_next_step_given(analysis: Make, total: int, said: str) -> None:
    empty = analysis(
        failing=rate(0, total),
        failures=(),
        types=(),
        detectors=(),
        clustering=NO_CLUSTERS,
        drafts=(),
        conversations={},
        periods=(),
        span=None,
    )
    html = render(empty).replace("\u00a0", " ")
    page = Outline(html)
    assert said in html
    assert "What to do next" in html
    assert "modes" not in page.ids
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_failures_without_modes_are_one_offs(analysis: Make) -> None:
    html = render(analysis(count=2, kinds=0)).replace("\u00a0", " ")
    assert "No failure recurs often enough to be a mode." in html
    assert 'id="one-offs"' in html
    assert 'id="modes"' not in html


def test_the_page_stays_small_whatever_is_in_it(analysis: Make) -> None:
    huge = "<&\"'" * 250_000
    big = analysis(huge, count=60, kinds=10)
    refused = tuple(Rejected("f", i, huge, huge) for i in range(100))
    html = render(replace(big, title=huge, intake=Intake(rejected=refused, rejected_count=100, sources=(huge,) * 50)))
    assert len(html) < 6_000_000
    assert "characters not shown" in html
    assert "The first 20 of 100." in html


def test_what_is_not_listed_is_counted(analysis: Make) -> None:
    html = render(analysis(count=300, kinds=60)).replace("\u00a0", " ")
    assert "The 25 strongest of 300" in html
    assert "loopwright mine --traces traces.jsonl --format json" in html
    assert "40 of 60 modes are shown in full" in html


def test_a_conversation_that_is_gone_is_said_to_be(analysis: Make) -> None:
    assert "The conversation is not at hand." in render(analysis(conversations={}))


def test_commands_quote_file_names_for_the_shell(analysis: Make) -> None:
    html = render(analysis(intake=Intake(sources=("my traces; rm -rf.jsonl",), taken=27)))
    assert "loopwright import &#39;my traces; rm -rf.jsonl&#39;" in html


def test_a_report_from_the_store_advises_for_the_store(analysis: Make) -> None:
    html = render(analysis(origin="store"))
    assert "loopwright import" not in html.split('id="next"')[1].split("</section>")[0]
    assert "loopwright traces show ID" in html
    assert "records refused" not in html


def test_a_failed_detector_is_a_row_with_its_reason(analysis: Make) -> None:
    assert "failed on 2 traces" in render(analysis())


def test_no_time_in_the_page_but_the_given_one(analysis: Make) -> None:
    assert render(analysis()) == render(analysis())
    assert "2026-01-05 09:30 UTC" in render(analysis(made_at=datetime(2026, 1, 5, 9, 30, tzinfo=UTC)))


def test_a_draft_is_yaml_that_says_what_the_case_says() -> None:
    text = draft_text(case("refund", input="I want\x1b my \u202e money", checks=(Check("regex", {"pattern": "(?i)wind\\w+"}),)))
    assert text is not None
    (loaded,) = yaml.safe_load(text)["cases"]
    assert loaded["id"] == "refund"
    assert loaded["input"] == "I want\x1b my \u202e money"
    assert loaded["checks"] == [{"type": "regex", "pattern": "(?i)wind\\w+"}]
    assert visible(text) == text


def test_a_message_with_no_text_is_shown_as_empty(analysis: Make) -> None:
    made = analysis(count=1, kinds=0)
    html = render(replace(made, conversations={"t0": (user(""), user(""), user(""), user(""))}))
    assert "(empty message)" in html


def test_more_signals_than_are_shown_are_counted(analysis: Make) -> None:
    many = tuple(signal(detector=f"d{i}") for i in range(20))
    html = render(replace(analysis(count=1, kinds=0), failures=(failure("t0", signals=many),)))
    assert "8\u00a0weaker signals not shown." in html


def test_weak_signs_are_in_the_small_print(analysis: Make) -> None:
    found = analysis(count=9, kinds=2)
    assert small_print(found) == ""
    weak = replace(found, failures=tuple(replace(f, score=0.1 if i else 0.3) for i, f in enumerate(found.failures)))
    assert "1\u00a0shows" not in verdict(weak)
    assert "27\u00a0traces read: 1 shows strong or fair evidence of failure (3.7\u00a0%)." in verdict(weak)
    assert small_print(weak).startswith("8 more show weak signs only (29.6\u00a0%, score below 0.25)")
    assert small_print(weak) in render(weak).replace("&nbsp;", "\u00a0")
    none = replace(found, failures=tuple(replace(f, score=0.1) for f in found.failures))
    assert "none shows strong or fair evidence of failure." in verdict(none)
