"""The public documentation: docs/*.md as pages, so that every error's doc_url leads somewhere."""

from __future__ import annotations

import itertools
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

DOCS = Path(settings.BASE_DIR) / "docs"
LONGEST_NAME = 100  # characters of an address below /docs/
# Pages that the specs address below /llm/.
PUBLIC = re.compile(r"(llm/)?(?P<page>[a-z_-]+(/[a-z_-]+)?)")


def show(request: HttpRequest, page: str = "errors") -> HttpResponse:
    """One page; 404 for what is none. Decisions and other inner matters are not public."""
    found = PUBLIC.fullmatch(page) if len(page) <= LONGEST_NAME else None
    if found is None or found["page"].startswith("decisions"):
        raise Http404
    file = DOCS / f"{found['page']}.md"
    if not file.is_file():
        raise Http404
    title, body = _rendered(file, file.stat().st_mtime_ns)
    return render(request, "docs/page.html", {"title": title, "body": body, "pages": _pages()})


@cache
def _rendered(file: Path, changed: int) -> tuple[str, SafeString]:
    """Title and HTML. Headings get an anchor: a code's own name, or their words joined by hyphens.

    The pages are our own files, and raw HTML in them is not let through all the same.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(file.read_text(encoding="utf-8"))
    title = file.stem
    for inline in tokens:
        for child in inline.children or ():
            if child.type == "link_open":
                child.attrSet("href", re.sub(r"\.md(?=#|$)", "", str(child.attrGet("href"))))
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            words = inline.content.replace("`", "")
            token.attrSet("id", re.sub(r"[^a-z0-9_]+", "-", words.lower()).strip("-"))
            if token.tag == "h1":
                title = words
    return title, mark_safe(parser.renderer.render(tokens, parser.options, {}))  # noqa: S308


def _pages() -> list[tuple[str, str]]:
    """The table of contents: address and title of each page of the first level."""
    return [(file.stem, _rendered(file, file.stat().st_mtime_ns)[0]) for file in sorted(DOCS.glob("*.md"))]
