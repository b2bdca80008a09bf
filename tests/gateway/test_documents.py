"""The documentation on the site: every error's doc_url leads to what it promises."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from gateway import errors


@pytest.mark.parametrize("code", sorted(errors.CODES))
def test_the_doc_url_of_every_code_leads_to_its_explanation(code: str) -> None:
    address, _, anchor = errors.doc_url(code, settings.DOCS_URL).removeprefix(settings.PUBLIC_URL).partition("#")
    page = Client().get(address)
    assert page.status_code == 200
    if anchor:
        assert f'id="{anchor}"' in page.content.decode()


def test_each_code_has_a_page_of_its_own() -> None:
    for code in errors.CODES:
        assert f"<code>{code}</code>" in Client().get(f"/docs/errors/{code}").content.decode()


@pytest.mark.parametrize("page", ["nothing", "decisions/001-layout", "../README", "errors/../../README", "x" * 500, ""])
def test_only_public_pages_are_shown(page: str) -> None:
    assert Client().get(f"/docs/{page}").status_code == (200 if page == "" else 404)
