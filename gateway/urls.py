"""Every address of the site that is not on the fast lane."""

from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.views import serve as static_file
from django.urls import path, re_path

from gateway.api.operations import api, nowhere
from gateway.documents import show
from gateway.health import ready

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", ready),
    path("docs/", show),
    path("docs/<path:page>", show, name="docs"),
    path("", api.urls),
    re_path(r"^", nowhere),
]

if not settings.PRODUCTION:  # there, whoever stands in front of us serves what `collectstatic` collected
    urlpatterns.insert(0, re_path(r"^static/(?P<path>.+)$", static_file, {"insecure": True}))
