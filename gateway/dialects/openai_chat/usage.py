"""What an answer of chat completions cost its provider: read from a whole answer, or watched for in a stream."""

from __future__ import annotations

import msgspec

from gateway.dialects.base import Report
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_chat import errors
from gateway.dialects.openai_chat.counting import read_usage
from gateway.dialects.openai_chat.output import has_media, output_of, text_or_none
from gateway.dialects.openai_chat.watching import Watch

__all__ = ["Watch", "read"]


def read(body: bytes) -> Report:
    """See UsageReader.read."""
    report = Report()
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return report
    if not isinstance(value, dict):
        report.error = errors.fault_in(value)
        return report
    report.model, report.id = text_or_none(value.get("model")), text_or_none(value.get("id"))
    report.usage, report.suspect = read_usage(value.get("usage"))
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        message = choice.get("message")
        if isinstance(message, dict):
            report.texts.extend(output_of(message))
            report.produced = report.produced or bool(report.texts) or has_media(message)
        if report.finish is None:
            report.finish = text_or_none(choice.get("finish_reason"))
    report.error = errors.fault_in(value)
    return report
