"""The face with sliders: its data are the model's, its picture the book's, and a reader finds everything working."""

import base64
import functools
import gzip
import hashlib
import http.server
import io
import json
import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from mmreg.arrays import InputError
from mmreg.face import LinearSpace, MorphableModel
from mmreg.figures import viewer
from mmreg.figures.packing import earlier_neighbours, neighbours_first, reorder, without_prediction
from mmreg.figures.space import heads
from mmreg.geometry.camera import Pose
from tests.browser import Browser, BrowserError, find_chromium

REPOSITORY = Path(__file__).parent.parent
SOURCES = REPOSITORY / "tools/viewer"
SCRIPT = REPOSITORY / "book/_extra/viewer/face_viewer.js"
BUILT_PAGE = REPOSITORY / "book/_build/html/_executed/01_face_space.html"
FACE = "document.querySelector('mmreg-face-viewer')"
COMPONENTS = 4
BACKGROUND = 237.0  # of the book's pictures of heads

needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="no Chromium here: apt-get install chromium")


def ball(centre: list[float], radii: list[float], rings: int = 24, segments: int = 40):
    """Vertices and triangles, counter-clockwise from outside, of an ellipsoid whose poles are at its top and bottom."""
    grid = np.meshgrid(
        np.linspace(0.02, np.pi - 0.02, rings), np.arange(segments) * 2 * np.pi / segments, indexing="ij"
    )
    polar, around = (angle.ravel() for angle in grid)
    sphere = np.stack([np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)], axis=1)
    ring, segment = (index.ravel() for index in np.mgrid[0 : rings - 1, 0:segments])
    a, b = ring * segments + segment, ring * segments + (segment + 1) % segments
    triangles = np.concatenate([np.stack([a, a + segments, b + segments], 1), np.stack([a, b + segments, b], 1)])
    return sphere * radii + centre, triangles


def waves(points: np.ndarray, mean: np.ndarray, count: int, deviation: float, seed: int) -> LinearSpace:
    """A space of fields that are smooth over the points; each number's standard deviation is near `deviation`."""
    rng = np.random.default_rng(seed)
    fields = [np.sin(points @ rng.normal(0, 0.02, (3, 3)) + rng.uniform(0, 6, 3)).ravel() for _ in range(count)]
    lengths = np.linalg.norm(fields, axis=1)
    basis = (np.stack(fields, axis=1) / lengths).astype(np.float32)
    return LinearSpace(mean.ravel().astype(np.float32), basis, (deviation * lengths).astype(np.float32))


@pytest.fixture(scope="module")
def egg() -> MorphableModel:
    """An egg the size of a head, with a nose that is a piece of its own: 5 shape, 6 albedo, 3 expression components."""
    head, head_triangles = ball([0, 5, 0], [70, 100, 80])
    nose, nose_triangles = ball([0, 0, 80], [10, 16, 16], 12, 16)
    points, triangles = np.concatenate([head, nose]), np.concatenate([head_triangles, nose_triangles + len(head)])
    return MorphableModel(
        name="an egg </script><script>throw 1</script>",
        shape=waves(points, points, 5, 4.0, seed=1),
        albedo=waves(points, np.tile([0.75, 0.55, 0.45], (len(points), 1)), 6, 0.06, seed=2),
        expression=waves(points, np.zeros_like(points), 3, 2.0, seed=3),
        triangles=triangles.astype(np.int32),
        landmarks={},
        license="CC0-1.0",
        expression_units={"jawOpen": np.float32([1, 2, 0])},
    )


# The data


def unpacked(data: dict) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Triangles and fields of `pack_model`, number by number, as the file's description has it."""
    raw = np.frombuffer(gzip.decompress(base64.b64decode(data["payload"])), np.uint8)
    vertices, count = data["vertexCount"], 3 * data["triangleCount"]
    rows = [raw[: 4 * count], *raw[4 * count :].reshape(len(data["fields"]), 12 * vertices)]
    numbers = [row.reshape(4, -1).astype(np.int64) for row in rows]
    numbers = [sum(plane << (8 * k) for k, plane in enumerate(planes)) for planes in numbers]
    numbers = [np.where(row % 2, -(row + 1) // 2, row // 2) for row in numbers]
    triangles = np.cumsum(numbers[0].reshape(3, -1), axis=1).T
    earlier = [
        sorted({int(w) for w in triangles[(triangles == v).any(axis=1)].ravel() if w < v}) for v in range(vertices)
    ]
    fields = {}
    for field, residuals in zip(data["fields"], numbers[1:], strict=True):
        values = np.zeros((vertices, 3))
        for v, residual in enumerate(residuals.reshape(3, -1).T):
            values[v] = residual + (np.floor(values[earlier[v]].mean(axis=0) + 0.5) if earlier[v] else 0)
        fields[field["name"]] = field["step"] * values
    return triangles, fields


def test_what_is_packed_is_the_model_to_half_a_step(egg):
    data = viewer.pack_model(egg, COMPONENTS)
    order = neighbours_first(egg.triangles, egg.vertex_count)
    _, fields = unpacked(data)
    expected = {"positions": egg.mean_positions().ravel(), "albedo": egg.albedo.mean}
    for part in ("shape", "albedo", "expression"):
        space = getattr(egg, part)
        scaled = (space.basis * space.standard_deviations)[:, :COMPONENTS].T
        expected |= {f"{part} {k + 1}": column for k, column in enumerate(scaled)}
    expected["movement jaw opens"] = egg.expression.basis @ (egg.expression.standard_deviations * [1, 2, 0])
    assert list(fields) == list(expected)
    for described in data["fields"]:
        difference = fields[described["name"]] - expected[described["name"]].reshape(-1, 3)[order]
        assert np.abs(difference).max() <= 0.501 * described["step"]


def test_packed_triangles_are_the_model_s_with_the_same_side_outside(egg):
    triangles, _ = unpacked(viewer.pack_model(egg, COMPONENTS))
    order = neighbours_first(egg.triangles, egg.vertex_count)

    def turned(rows):
        return {tuple(np.roll(row, -int(np.argmin(row)))) for row in rows.tolist()}

    assert turned(order[triangles]) == turned(egg.triangles)


def test_every_vertex_but_one_of_each_piece_comes_after_a_neighbour(egg):
    order = neighbours_first(egg.triangles, egg.vertex_count)
    assert sorted(order) == list(range(egg.vertex_count))
    vertex, _ = earlier_neighbours(reorder(egg.triangles, order), egg.vertex_count)
    assert egg.vertex_count - len(np.unique(vertex)) == 2


def test_a_vertex_without_triangles_is_packed_like_any_other():
    assert neighbours_first(np.array([[0, 2, 3]]), 5).tolist() == [0, 2, 3, 1, 4]
    numbers = np.arange(15).reshape(5, 3)
    vertex, neighbour = earlier_neighbours(np.array([[0, 1, 2]]), 5)
    assert np.array_equal(without_prediction(numbers, vertex, neighbour)[[0, 3, 4]], numbers[[0, 3, 4]])


def test_a_number_too_large_for_its_step_gets_a_wider_one(egg):
    wide = replace(egg, shape=replace(egg.shape, mean=1e3 * egg.shape.mean))
    step = viewer.pack_model(wide, 1)["fields"][0]["step"]
    assert step == pytest.approx(np.abs(wide.shape.mean).max() / 32767)


def test_a_movement_that_the_model_has_no_units_for_is_left_out(egg):
    spaces = {space["key"]: space for space in viewer.pack_model(egg, COMPONENTS)["spaces"]}
    assert spaces["movement"]["labels"] == ["jaw opens"]
    without = replace(egg, expression_units={})
    assert [space["key"] for space in viewer.pack_model(without, COMPONENTS)["spaces"]] == [
        "shape",
        "albedo",
        "expression",
    ]


def test_a_viewer_without_a_slider_is_refused(egg):
    with pytest.raises(InputError, match="components must be at least 1"):
        viewer.viewer_data(egg, 0)


def test_a_model_s_name_can_t_end_the_data(egg):
    written = viewer.viewer_data(egg, COMPONENTS).data
    assert written.count("</script>") == 1
    assert json.loads(re.sub(r"^<script[^>]*>|</script>$", "", written))["model"] == egg.name


def test_the_open_model_takes_little_of_a_page(open_model):
    payload = viewer.pack_model(open_model)["payload"]
    assert len(base64.b64decode(payload)) < 1_200_000


# The script


def test_the_script_is_built_from_these_sources():
    digest = hashlib.sha256()
    for source in [*sorted((SOURCES / "src").iterdir()), SOURCES / "package-lock.json"]:
        digest.update(source.read_bytes())
    built = re.search(r"sources ([0-9a-f]{64})", SCRIPT.read_text(encoding="utf-8")[:300])
    assert built
    assert built[1] == digest.hexdigest(), "tools/viewer has changed: build the script again (tools/viewer/README.md)"


def test_the_script_names_no_address_but_that_of_a_name_space():
    addresses = set(re.findall(r"(?:https?|wss?)://[^\s\"'`)]+", SCRIPT.read_text(encoding="utf-8")))
    assert addresses <= {"http://www.w3.org/1999/xhtml"}


def test_the_script_comes_with_the_licence_of_what_is_in_it():
    licence = SCRIPT.with_name("face_viewer.LICENSE.txt").read_text(encoding="utf-8")
    assert "three.js authors" in licence
    assert "MIT License" in licence


def test_the_script_s_packages_are_locked_without_an_address():
    packages = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


# The page


@pytest.fixture(scope="module")
def browser():
    with Browser(find_chromium()) as one:
        try:
            one.send("Browser.getVersion", timeout=60)
        except BrowserError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"{find_chromium()} doesn't start here: {error}")
        yield one


@pytest.fixture(scope="module")
def page(egg, tmp_path_factory) -> Path:
    """A page with nothing but the egg's viewer, as a reader would open it from a disk."""
    picture = plt.figure(figsize=(3, 2))
    place = viewer.viewer_element(picture, 'an egg, "seen"', script="face_viewer.js").data
    body = f"<p>before</p>{place}<p>after</p>{viewer.viewer_data(egg, COMPONENTS).data}"
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>egg</title>'
    folder = tmp_path_factory.mktemp("page")
    (folder / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    (folder / "page.html").write_text(
        f"<!doctype html><html><head>{head}</head><body>{body}</body></html>", encoding="utf-8"
    )
    return folder / "page.html"


@pytest.fixture
def live(browser, page) -> Browser:
    browser.open(page)
    assert browser.run(f"{FACE}.ready.then(() => {FACE}.getAttribute('state'))") == "live"
    return browser


def picture(browser: Browser, ratio: float = 1.0) -> np.ndarray:
    """What the head's canvas shows, on the background of the book's pictures; height, width, 3 in 0…255."""
    drawn = browser.run(f"({FACE}.stage.draw({ratio}), {FACE}.stage.canvas.toDataURL())")
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn.partition(",")[2]))).convert("RGBA"), float)
    covered = image[..., 3:] / 255.0
    return covered * image[..., :3] + (1.0 - covered) * BACKGROUND


def press_button(browser: Browser, words: str) -> None:
    browser.run(f"[...{FACE}.shadowRoot.querySelectorAll('button')].find(b => b.textContent == {words!r}).click()")


def slide(browser: Browser, key: str, component: int, value: float) -> None:
    slider = f"{FACE}.controls.sliders.{key}[{component}].input"
    browser.run(f"({slider}.value = {value}, {slider}.dispatchEvent(new Event('input')))")


def shown(browser: Browser, name: str) -> np.ndarray:
    return np.array(browser.run(f"Array.from({FACE}.face.{name})"))


@needs_chromium
def test_the_page_s_faces_are_the_model_s(live, egg):
    rng = np.random.default_rng(0)
    numbers = {part: rng.uniform(-2, 2, COMPONENTS).round(1) for part in ("shape", "albedo")}
    numbers["expression"] = rng.uniform(-2, 2, 3).round(1)
    for part, values in numbers.items():
        for k, value in enumerate(values):
            slide(live, part, k, value)
    slide(live, "movement", 0, 0.5)

    def padded(part, count):
        return np.pad(numbers[part], (0, count - len(numbers[part])))[None].astype(np.float32)

    expression = padded("expression", 3) + np.float32([0.5, 1.0, 0.0])
    order = neighbours_first(egg.triangles, egg.vertex_count)
    positions = np.asarray(egg.positions(padded("shape", 5), expression))[0][order]
    albedos = np.asarray(egg.albedos(padded("albedo", 6)))[0][order]
    furthest = [0.5 * step * (1 + 2 * COMPONENTS) for step in (viewer.STEP_MM, viewer.STEP_SRGB)]
    assert np.abs(shown(live, "positions").reshape(-1, 3) - positions).max() < 2 * furthest[0]
    assert np.abs(shown(live, "sums.albedo").reshape(-1, 3) - albedos).max() < furthest[1]


@needs_chromium
@pytest.mark.parametrize("yaw_degrees", [0.0, 40.0])
def test_the_page_s_picture_is_the_book_s(live, egg, yaw_degrees):
    shape, albedo = np.zeros((1, 5), np.float32), np.zeros((1, 6), np.float32)
    shape[0, 1], albedo[0, 0] = 1.5, -2.0
    slide(live, "shape", 1, 1.5)
    slide(live, "albedo", 0, -2.0)
    size = "flex: none; min-height: 0; width: 240px; height: 300px"
    live.run(f"{FACE}.shadowRoot.querySelector('.view').style.cssText = '{size}'")
    live.run(f"({FACE}.stage.resize(), {FACE}.stage.turn({np.deg2rad(yaw_degrees)}, 0))")
    seen = picture(live, 2).reshape(300, 2, 240, 2, 3).mean(axis=(1, 3))

    # the page turns the head about its middle c, the book about the model's origin: R(x − c) + c = R(x − c + Rᵀc)
    middle = np.mean([egg.mean_positions().min(axis=0), egg.mean_positions().max(axis=0)], axis=0)
    rotation = np.asarray(Pose(*(np.float32([angle]) for angle in (np.deg2rad(yaw_degrees), 0.0, 0.0))).rotation())[0]
    positions = np.asarray(egg.positions(shape)) - middle + rotation.T @ middle
    book = 255.0 * heads(egg, positions, egg.albedos(albedo), yaw_degrees, size=300)[0]
    assert seen.std() > 20
    assert np.abs(seen - book).mean() < 1.0
    assert np.percentile(np.abs(seen - book), 99) < 6.0


@needs_chromium
@pytest.mark.parametrize("part", ["shape", "albedo", "expression", "movement"])
def test_a_slider_changes_the_picture(live, part):
    before = picture(live)
    slide(live, part, 0, 1.0)
    assert np.abs(picture(live) - before).mean() > 0.2


@needs_chromium
def test_random_makes_a_person_and_mean_brings_the_mean_back(live):
    mean = picture(live)
    assert mean.std() > 20
    press_button(live, "Random person")
    person = picture(live)
    assert np.abs(person - mean).mean() > 0.5
    assert np.ptp(shown(live, "coefficients.shape")) > 0
    assert np.ptp(shown(live, "coefficients.albedo")) > 0
    assert not shown(live, "coefficients.expression").any()
    press_button(live, "Random expression")
    assert np.ptp(shown(live, "coefficients.expression")) > 0
    press_button(live, "Random person")
    assert np.abs(picture(live) - person).mean() > 0.5
    press_button(live, "Mean face")
    assert np.array_equal(picture(live), mean)


@needs_chromium
def test_random_people_are_standard_normal(live):
    count = 500
    live.run(
        f"window.drawn = []; for (let i = 0; i < {count}; i++) {{ {FACE}.random(); drawn.push(...{FACE}.face.coefficients.shape) }}"
    )
    drawn = np.array(live.run("drawn"))
    assert len(drawn) == count * COMPONENTS
    assert abs(drawn.mean()) < 4 / np.sqrt(len(drawn))
    assert abs(drawn.std() - 1) < 0.08
    assert np.abs(drawn).max() <= 3.0


@needs_chromium
def test_dragging_and_keys_turn_the_head(live):
    centre = live.run(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({FACE}.stage.canvas.getBoundingClientRect())")
    forward = picture(live)
    live.drag(tuple(centre), (centre[0] + 60, centre[1]))
    turned = picture(live)
    assert live.run(f"{FACE}.stage.head.rotation.y") > 0.3
    assert np.abs(turned - forward).mean() > 1.0
    live.run(f"{FACE}.stage.canvas.focus()")
    live.press("Home")
    assert np.array_equal(picture(live), forward)
    live.press("ArrowLeft")
    assert live.run(f"{FACE}.stage.head.rotation.y") < 0
    live.press("ArrowUp")
    assert live.run(f"{FACE}.stage.head.rotation.x") < 0


@needs_chromium
def test_sliders_and_tabs_follow_the_keyboard_and_say_what_they_are(live):
    live.run(f"{FACE}.controls.sliders.shape[0].input.focus()")
    for _ in range(4):
        live.press("ArrowRight")
    assert shown(live, "coefficients.shape")[0] == pytest.approx(0.2)
    said = live.run(
        f"(i => [i.getAttribute('aria-label'), i.getAttribute('aria-valuetext')])({FACE}.controls.sliders.shape[0].input)"
    )
    assert said == ["Shape, component 1", "+0.2 standard deviations"]
    live.run(f"{FACE}.shadowRoot.querySelector('[role=tab]').focus()")
    live.press("ArrowRight")
    chosen = f"[...{FACE}.shadowRoot.querySelectorAll('[role=tab][aria-selected=true]')].map(tab => tab.textContent)"
    assert live.run(chosen) == ["Colour"]
    panels = f"[...{FACE}.shadowRoot.querySelectorAll('[role=tabpanel]')].filter(p => p.offsetHeight).map(p => p.id)"
    assert live.run(panels) == ["panel-albedo"]


@needs_chromium
def test_the_page_asks_nobody_and_complains_of_nothing(live, page):
    press_button(live, "Random person")
    slide(live, "shape", 0, 3.0)
    assert live.complaints() == []
    asked = [address for address in live.requests() if not address.startswith("data:")]
    assert asked == [path.as_uri() for path in (page, page.with_name(SCRIPT.name))]


@needs_chromium
def test_everything_fits_on_a_phone_and_can_be_touched(browser, page):
    browser.open(page, width=390, height=844, scale=2)
    browser.run(f"{FACE}.ready")
    assert browser.run("document.documentElement.scrollWidth") <= 390
    for tab in range(4):
        browser.run(f"{FACE}.shadowRoot.querySelectorAll('[role=tab]')[{tab}].click()")
        boxes = browser.run(
            f"[...{FACE}.shadowRoot.querySelectorAll('button, input, canvas')].filter(e => e.offsetHeight)"
            ".map(e => e.getBoundingClientRect()).map(r => [r.left, r.right, r.height])"
        )
        left, right, height = np.array(boxes).T
        assert left.min() >= 0
        assert right.max() <= 390
        assert height.min() >= 28


PICTURE_IS_SEEN = (
    f"(i => i.offsetHeight > 0 && getComputedStyle(i).visibility == 'visible' && i.alt)({FACE}.querySelector('img'))"
)


@needs_chromium
@pytest.mark.parametrize(
    "without",
    [
        "delete window.DecompressionStream",
        "HTMLCanvasElement.prototype.getContext = () => null",
        "document.addEventListener('readystatechange', () => document.getElementById('face-viewer-data')?.remove())",
    ],
)
def test_where_the_head_can_t_be_shown_its_picture_is(browser, page, without):
    browser.open(page, before=without)
    assert browser.run(f"{FACE}.ready.then(() => {FACE}.getAttribute('state'))") == "picture"
    assert browser.run(PICTURE_IS_SEEN) == 'an egg, "seen"'
    assert "can't be shown live here" in browser.complaints()[0]


@needs_chromium
def test_on_paper_the_picture_is_seen(live):
    assert live.run(f"{FACE}.querySelector('img').offsetHeight") == 0
    live.send("Emulation.setEmulatedMedia", media="print")
    assert live.run(PICTURE_IS_SEEN) == 'an egg, "seen"'
    assert live.run(f"{FACE}.stage.canvas.offsetHeight") == 0


@needs_chromium
def test_without_the_script_the_picture_is_seen(browser, page):
    alone = page.with_name("alone.html")
    alone.write_text(page.read_text(encoding="utf-8").replace(SCRIPT.name, "missing.js"), encoding="utf-8")
    browser.open(alone)
    assert browser.run(f"{FACE}.getAttribute('state')") == "picture"
    assert browser.run(PICTURE_IS_SEEN) == 'an egg, "seen"'


@needs_chromium
def test_the_open_model_s_sums_and_normals_take_less_than_a_thirtieth_of_a_second(browser, page, open_model):
    text = page.read_text(encoding="utf-8")
    whole = page.with_name("open.html")
    data = viewer.viewer_data(open_model).data
    whole.write_text(text[: text.index('<script type="application/json"')] + data + "</body></html>", encoding="utf-8")
    browser.open(whole)
    browser.run(f"{FACE}.ready.then(() => {FACE}.random())")
    browser.run(
        "window.times = [];"
        "for (let i = 0; i < 30; i++) {"
        "  const began = performance.now();"
        f" {FACE}.face.update('positions'); {FACE}.face.update('albedo');"
        "  times.push(performance.now() - began);"
        "}"
    )
    assert np.median(browser.run("times")) < 1000 / 30


# The book


@pytest.fixture
def served():
    """The address of the built chapter on this machine's own loopback: readers get it so, and fonts need it."""
    if not BUILT_PAGE.is_file():
        pytest.skip("the book hasn't been built: make book")
    root = BUILT_PAGE.parents[1]

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Nothing is written where pytest writes."""

        def do_GET(self):
            if self.path == "/favicon.ico":  # a browser asks for it by itself; the book has none
                self.send_response(204)
                self.end_headers()
            else:
                super().do_GET()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@needs_chromium
@pytest.mark.parametrize("width", [1300, 390])
def test_the_built_chapter_is_live_asks_nobody_else_and_complains_of_nothing(browser, served, width):
    second_visit = "localStorage.mode ??= 'auto'"  # on the first one the theme complains of having no mode
    browser.open(served + BUILT_PAGE.relative_to(BUILT_PAGE.parents[1]).as_posix(), width=width, before=second_visit)
    assert browser.run(f"{FACE}.ready.then(() => {FACE}.getAttribute('state'))") == "live"
    press_button(browser, "Random person")
    assert picture(browser).std() > 20
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert [address for address in browser.requests() if not address.startswith((served, "data:"))] == []
    assert browser.complaints() == []


def test_only_chapters_with_a_face_load_the_script():
    if not BUILT_PAGE.is_file():
        pytest.skip("the book hasn't been built: make book")
    pages = [page for page in BUILT_PAGE.parents[1].rglob("*.html") if "_static" not in page.parts]
    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    loading = {page.stem for page, text in texts.items() if f'{SCRIPT.name}"' in text}
    assert loading == {page.stem for page, text in texts.items() if "<mmreg-face-viewer " in text}
