"""The page in a real Chromium: quiet, offline, readable, nothing overlapping, alive under the mouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from geomem.report.comparison import write_comparison
from tests.report.sample_run import EVIL, make_train

pytestmark = pytest.mark.browser

OVERLAPS = """() => {
  const found = [];
  const words = (item) => item.textContent.trim().slice(0, 40);
  const touching = (items) => {
    const boxes = items.map((item) => [item, item.getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && box.height > 1);
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
      const [one, a] = boxes[i], [two, b] = boxes[j];
      if (one.contains(two) || two.contains(one)) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 2) found.push(`${words(one)} | ${words(two)}`);
    }
  };
  for (const svg of document.querySelectorAll('figure svg')) {
    if (svg.getBoundingClientRect().width) touching([...svg.querySelectorAll('text')].filter(words));
  }
  touching([...document.querySelectorAll(`h1, h2, h3, h4, main > * p, figcaption, li, dt, dd, td, th, summary, button,
    .badge, .panel-title, .plot, .static > div`)]
    .filter((item) => !item.closest('.visually-hidden, thead') && item.checkVisibility()));
  return found;
}"""

CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const light = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const under = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return [255, 255, 255, 1];
  };
  const poor = [];
  let seen = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.matches('script, style, option')) continue;
    const style = getComputedStyle(element);
    const words = element.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(rgba(words)), light(under(element))].sort((x, y) => y - x);
    seen += 1;
    if ((a + 0.05) / (b + 0.05) >= 4.5) continue;
    poor.push(`${element.tagName} ${element.textContent.trim().slice(0, 30)} ${words}`);
  }
  return { poor, seen };
}"""


LIT = """() => [...document.querySelectorAll('#figure-star-map .plot')].map((plot) => {
  const of = (name) => plot.data.find((trace) => trace.name === name);
  if (of('nodes').x.length !== 751) throw new Error('nodes were lost');
  return [of('lit').x.length, of('path').x.filter((x) => x !== null).length];
})"""


@contextmanager
def opened(chromium: Any, page_file: Path, *, width: int = 1280, **settings: Any) -> Iterator[Any]:
    """Open a page without a network; anything it asks for, logs or throws fails the test."""
    context = chromium.new_context(viewport={"width": width, "height": 850}, offline=True, **settings)
    complaints: list[str] = []
    page = context.new_page()
    page.route("**/*", lambda route: route.continue_() if route.request.url == page_file.as_uri() else route.abort())
    page.on("console", lambda message: complaints.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    yield page
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [page_file.as_uri()]


def wake(page: Any) -> None:
    """Scroll to every map and wait until it is alive."""
    for figure in page.locator("figure.map").all():
        figure.scroll_into_view_if_needed()
        figure.locator(".live .readout span").wait_for()
        figure.locator(".live .plot .main-svg").first.wait_for()
    page.wait_for_timeout(300)


def node_place(page: Any, figure: str, node: int) -> tuple[float, float]:
    """Return where the first panel of a map drew a node, in page pixels."""
    x, y = page.evaluate(
        """([figure, node]) => {
          const plot = document.querySelector(`#${figure} .live .plot`);
          plot.scrollIntoView({ block: 'center', behavior: 'instant' });
          const nodes = plot.data.find((trace) => trace.name === 'nodes');
          const { width, height, xaxis, yaxis } = plot.layout;
          const box = plot.getBoundingClientRect();
          const across = (nodes.x[node] - xaxis.range[0]) / (xaxis.range[1] - xaxis.range[0]);
          const up = (nodes.y[node] - yaxis.range[0]) / (yaxis.range[1] - yaxis.range[0]);
          return [box.left + across * width, box.top + (1 - up) * height];
        }""",
        [figure, node],
    )
    return float(x), float(y)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows_overlaps_or_is_too_faint(chromium: Any, study_page: Path, width: int) -> None:
    with opened(chromium, study_page, width=width, color_scheme="light") as page:
        wake(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERLAPS) == []
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(400)
            contrast = page.evaluate(CONTRAST)
            assert contrast["seen"] > 200
            assert contrast["poor"] == []
        # The still pictures, which those without JavaScript see, are held to the same.
        page.evaluate("document.querySelectorAll('.is-live').forEach((figure) => figure.classList.remove('is-live'))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_it_reads_in_full_without_javascript(chromium: Any, study_page: Path, width: int) -> None:
    with opened(chromium, study_page, width=width, java_script_enabled=False) as page:
        shape = "narrow" if width == 390 else "wide"
        assert page.locator(f"#figure-star-map .{shape} svg").is_visible()
        assert not page.locator(f"#figure-star-map .{'wide' if shape == 'narrow' else 'narrow'} svg").is_visible()
        assert page.locator(".live").first.is_hidden()
        assert page.locator("#theme").is_hidden()
        assert page.locator(".claims tbody tr").count() == 11
        assert page.locator("#claim-c1 .badge").inner_text() == "supported"
        box = page.locator("#figure-path-accuracy svg:visible").bounding_box()
        assert box["width"] > 300


def test_a_map_answers_the_mouse(chromium: Any, study_page: Path) -> None:
    node_is = "(name) => document.getElementById('figure-star-map').dataset.node === name"
    with opened(chromium, study_page) as page:
        wake(page)
        leaf = node_place(page, "figure-star-map", 30)  # the leaf of arm 9: root, 28, 29, 30
        page.mouse.move(*leaf)
        page.wait_for_function(node_is, arg="30")
        words = page.locator("#figure-star-map .readout").inner_text()
        assert words == "30 · arm 9 — next to 29. Path: root → 28 → 29 → 30."
        assert page.evaluate(LIT) == [[4, 4], [4, 4]]
        assert page.locator("#figure-star-map .bubble").all_inner_texts() == ["30", "30"]
        page.mouse.move(5, 5)
        page.wait_for_function(node_is, arg="")
        assert page.evaluate(LIT) == [[0, 0], [0, 0]]
        # A click keeps the node when the mouse leaves, a second one lets it go.
        page.mouse.click(*leaf)
        page.mouse.move(5, 5)
        page.wait_for_timeout(300)
        assert page.locator("#figure-star-map").get_attribute("data-node") == "30"
        page.mouse.click(*leaf)
        page.mouse.move(5, 5)
        page.wait_for_function(node_is, arg="")
        # A name that is a script stays a name, in the words and in the bubble.
        page.locator("#figure-country-map input").fill(EVIL)
        assert EVIL in page.locator("#figure-country-map .readout").inner_text()
        assert page.locator("#figure-country-map .bubble").inner_text().startswith("<script>")
        assert page.evaluate("window.pwned") is None
        assert EVIL in page.locator("h1").inner_text()


def test_the_theme_switch_turns_page_and_maps_and_print_is_on_white(chromium: Any, study_page: Path) -> None:
    with opened(chromium, study_page, color_scheme="light") as page:
        wake(page)
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator("#theme").click()
        page.wait_for_timeout(400)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        plot = page.evaluate("document.querySelector('.live .plot').layout.font.color")
        ink = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()")
        assert plot == ink
        page.emulate_media(media="print")
        assert page.locator("#figure-star-map .wide svg").is_visible()
        assert page.locator(".live").first.is_hidden()
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 29, 33)"


def test_headings_descend_step_by_step_and_pictures_have_names(chromium: Any, study_page: Path) -> None:
    with opened(chromium, study_page) as page:
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((item) => Number(item.tagName[1]))")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert page.evaluate(
            "[...document.querySelectorAll('svg:not([aria-hidden])[role=img]')].every((s) => s.ariaLabel)"
        )
        assert page.evaluate("document.documentElement.lang") == "en"
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((item) => item.id)")
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("width", [390, 1280])
def test_examples_are_stepped_through(chromium: Any, study_page: Path, width: int) -> None:
    with opened(chromium, study_page, width=width) as page:
        figure = page.locator("#figure-walks")
        figure.scroll_into_view_if_needed()
        shown = figure.locator(".example:visible")
        back, on = figure.get_by_role("button", name="Previous"), figure.get_by_role("button", name="Next")
        assert shown.count() == 1
        assert figure.locator(".place").inner_text() == "1 of 3"
        assert back.is_disabled()
        assert shown.locator("mark").inner_text() == "7"
        assert shown.locator(".badge").inner_text() == "wrong arm"
        on.click()
        assert figure.locator(".place").inner_text() == "2 of 3"
        assert shown.locator("mark").count() == 0
        on.press("ArrowRight")
        assert figure.locator(".place").inner_text() == "3 of 3"
        assert on.is_disabled()
        assert EVIL in shown.locator(".badge").inner_text()
        assert page.evaluate("window.pwned") is None
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        back.click()
        back.click()
        assert figure.locator(".place").inner_text() == "1 of 3"
        # The right path lies under the model's, and both start at the root.
        bands = figure.locator(".example:visible line.true").all()
        assert len(bands) == 3
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert shown.count() == 3
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert shown.count() == 1


def test_examples_are_all_there_without_javascript(chromium: Any, study_page: Path) -> None:
    with opened(chromium, study_page, java_script_enabled=False) as page:
        figure = page.locator("#figure-walks")
        assert figure.locator(".example:visible").count() == 3
        assert figure.get_by_role("button").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_a_comparison_reads_as_well(chromium: Any, tmp_path: Path, width: int) -> None:
    runs = [make_train(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    with opened(chromium, write_comparison(runs, tmp_path / "out.html"), width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(CONTRAST)["poor"] == []
        assert page.locator("figure svg:visible").count() == 3
