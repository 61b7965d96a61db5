"""The built book: its chapters ran without error or warning, and its pages can be read without a network."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import yaml

REPOSITORY = Path(__file__).parent.parent
HTML = REPOSITORY / "book/_build/html"
EXECUTED = REPOSITORY / "book/_executed"
CHAPTERS = yaml.safe_load((REPOSITORY / "notebooks/chapters.yml").read_text(encoding="utf-8")) or {}

built = pytest.mark.skipif(not (HTML / "index.html").is_file(), reason="the book hasn't been built: make book")


def executed(chapter: str) -> nbformat.NotebookNode:
    path = EXECUTED / f"{chapter}.ipynb"
    if not path.is_file():
        pytest.skip(f"{path.name} hasn't been run: make book")
    return nbformat.read(path, as_version=4)


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


class Resources(HTMLParser):
    """Collects what a page makes a browser fetch by itself, and the pictures without a description."""

    def __init__(self, page: Path):
        super().__init__()
        self.fetched: list[str] = []
        self.undescribed: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "link" and {"stylesheet", "preload", "icon", "preconnect"} & set(attributes.get("rel", "").split()):
            self.fetched.append(attributes.get("href") or "")
        elif tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.fetched.append(attributes.get("src") or "")
        description = (attributes.get("alt") or "").strip()
        if tag == "img" and (not description or re.fullmatch(r"\S+\.(png|jpe?g|svg|gif|webp)", description)):
            self.undescribed.append(
                attributes.get("src") or ""
            )  # Sphinx writes the file's name where nobody wrote words


def pages() -> list[Path]:
    return sorted(page for page in HTML.rglob("*.html") if "_static" not in page.parts)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_ran_to_its_end_without_an_error(chapter):
    notebook = executed(chapter)
    assert not [output.ename for output in outputs(notebook) if output.output_type == "error"]
    for cell in notebook.cells:
        assert cell.cell_type != "code" or not cell.source.strip() or cell.execution_count, cell.source


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_hides_no_warning(chapter):
    said = [out.text for out in outputs(executed(chapter)) if out.output_type == "stream" and out.name == "stderr"]
    assert not [text for text in said if re.search(r"\b\w*Warning: ", text)]


@built
def test_no_page_fetches_anything_from_elsewhere():
    def outside_url(url: str) -> bool:
        return "//" in url and not url.startswith("data:")

    outside = {page.name: [url for url in Resources(page).fetched if outside_url(url)] for page in pages()}
    assert not {name: urls for name, urls in outside.items() if urls}


@built
def test_no_style_sheet_fetches_anything_from_elsewhere():
    fetches = re.compile(r"(?:url\(\s*|@import\s+)[\"']?(?:https?:)?//[^\"')]*")
    found = {sheet.name: fetches.findall(sheet.read_text(encoding="utf-8")) for sheet in HTML.rglob("*.css")}
    assert not {name: urls for name, urls in found.items() if urls}


@built
def test_no_page_names_a_content_delivery_network():
    network = re.compile(r"unpkg\.com|jsdelivr\.net|cdnjs\.|googleapis\.com|gstatic\.com|bootstrapcdn")
    assert not [page.name for page in pages() if network.search(page.read_text(encoding="utf-8"))]


@built
def test_everything_that_a_page_fetches_is_in_the_book():
    for page in pages():
        for url in Resources(page).fetched:
            path = unquote(re.sub(r"[?#].*", "", url))
            if path and not path.startswith("data:"):
                assert (page.parent / path).is_file(), f"{page.name} asks for {url}"


@built
def test_formulas_are_set_by_the_mathjax_that_comes_with_the_book():
    method = (HTML / "method.html").read_text(encoding="utf-8")
    assert 'class="math' in method
    assert re.search(r'<script[^>]*src="[^":]*mathjax/tex-mml-chtml\.js', method)


@built
def test_every_picture_has_a_description():
    undescribed = {page.name: Resources(page).undescribed for page in pages()}
    assert not {name: pictures for name, pictures in undescribed.items() if pictures}


@built
def test_every_chapter_is_a_page():
    assert all((HTML / f"_executed/{chapter}.html").is_file() for chapter in CHAPTERS)
