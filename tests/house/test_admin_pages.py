"""The operator's pages open on a live server, with their style, for those who may see them."""

from __future__ import annotations

import re
from contextlib import closing

import httpx
import pytest
from django.contrib import admin

from accounts import signup
from accounts.models import User
from tests.people import Person
from tests.servers import LiveServer

PASSWORD = "correct horse battery staple"


def logged_in(url: str, email: str) -> httpx.Client:
    client = httpx.Client(base_url=url, follow_redirects=True, timeout=30)
    form = client.get("/admin/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
    assert token
    client.post("/admin/login/", data={"csrfmiddlewaretoken": token[1], "username": email, "password": PASSWORD})
    return client


@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
def test_an_operator_sees_every_list_of_the_admin(server: LiveServer, alice: Person) -> None:
    email = f"operator-{alice.organization.slug}@example.com"
    user, _ = signup.open_account(email, PASSWORD)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    with closing(logged_in(server.url, email)) as client:
        style = re.search(r'href="(/static/admin/css/base\.css)"', client.get("/admin/").text)
        assert style
        sheet = client.get(style[1])
        assert (sheet.status_code, sheet.headers["content-type"].split(";")[0]) == (200, "text/css")
        for model in admin.site._registry:
            page = client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
            assert page.status_code == 200, model
            assert alice.secret not in page.text


def test_a_customer_does_not_get_into_the_admin(server: LiveServer, alice: Person) -> None:
    alice.user.set_password(PASSWORD)
    alice.user.save()
    with closing(logged_in(server.url, alice.user.email)) as client:
        assert "csrfmiddlewaretoken" in client.get("/admin/").text  # still the form
        assert client.get("/static/../settings.py").status_code == 404
