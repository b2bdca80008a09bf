"""What an answer of Responses cost its provider: read from a whole answer, or watched for in a stream."""

from __future__ import annotations

import msgspec

from gateway.dialects.base import Report
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses import errors
from gateway.dialects.openai_responses.counting import read_usage
from gateway.dialects.openai_responses.finishing import word_of
from gateway.dialects.openai_responses.output import is_output, items_of, text_or_none, words_of
from gateway.dialects.openai_responses.watching import Watch

__all__ = ["Watch", "read"]


def read(body: bytes) -> Report:
    """See UsageReader.read."""
    report = Report()
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return report
    report.error = errors.fault_in(value)
    if not isinstance(value, dict):
        return report
    report.model, report.id = text_or_none(value.get("model")), text_or_none(value.get("id"))
    report.usage, report.suspect = read_usage(value.get("usage"), value.get("tool_usage"))
    report.finish = word_of(value)
    for item in items_of(value):
        report.texts.extend(words_of(item))
        report.produced = report.produced or is_output(item)
    return report
