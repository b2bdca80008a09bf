"""What an answer cost its provider: read from a whole answer, or watched for in a stream."""

from __future__ import annotations

import msgspec

from gateway.dialects.base import Report
from gateway.dialects.gemini_generate import errors
from gateway.dialects.gemini_generate.counting import read_usage
from gateway.dialects.gemini_generate.finishing import block_reason, word_of
from gateway.dialects.gemini_generate.output import candidates_of, output_of
from gateway.dialects.gemini_generate.watching import Watch
from gateway.dialects.members import UNREADABLE

__all__ = ["Watch", "read"]


def read(body: bytes) -> Report:
    """See UsageReader.read. A prompt that the provider refused is an answer without output whose finish is the reason
    for the refusal."""
    report = Report()
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return report
    report.error = errors.fault_in(value)
    if not isinstance(value, dict):
        return report
    identity, model = value.get("responseId"), value.get("modelVersion")
    report.id = identity if isinstance(identity, str) and identity else None
    report.model = model if isinstance(model, str) and model else None
    report.usage, report.suspect = read_usage(value.get("usageMetadata"))
    for _, candidate in candidates_of(value):
        texts, other = output_of(candidate)
        report.texts += texts
        report.produced = report.produced or bool(texts) or other
        if report.finish is None:
            report.finish = word_of(candidate.get("finishReason"))
    if report.finish is None:
        report.finish = block_reason(value.get("promptFeedback"))
    return report
