"""OpenAI's transcription and translation of recordings: what a recording "says" follows from its bytes."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator import prose, splitting
from gateway.providers.simulator.conversation import Dice, fingerprint_of
from gateway.providers.simulator.faults import Faults
from gateway.providers.simulator.openai_errors import Refusal, invalid
from gateway.providers.simulator.playing import Kind, Piece, Stream, Whole

FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
BYTES_A_SECOND = 16_000  # of a recording whose own header does not tell its length
TOKENS_A_SECOND = 10
DISPOSITION = re.compile(rb'(?:^|;)\s*(name|filename)\s*=\s*(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)
TOPICS = ("rivers", "the harbour", "tea", "old maps", "the weather", "bees")


@dataclass(frozen=True, slots=True)
class Asked:
    """A recording to be written down; `prompt` is the text that goes before it, where wishes may stand."""

    model: str
    recording: bytes
    format: str
    language: str
    prompt: str
    stream: bool


def parse(content_type: str, body: bytes) -> Asked:
    """The form; Refusal for what OpenAI refuses."""
    form = read_form(content_type, body)
    recording = form.get("file")
    if recording is None:
        raise fields.missing("file")
    if not recording:
        raise invalid("Audio file is too short. Minimum audio length is 0.1 seconds.", code="audio_too_short")
    told = {name: value.decode(errors="replace") for name, value in form.items() if name != "file"}
    if not told.get("model"):
        raise fields.missing("model")
    wanted = fields.one_of(told.get("response_format") or "json", "response_format", FORMATS)
    stream = told.get("stream", "false").lower() in ("true", "1") and not told["model"].startswith("whisper")
    return Asked(told["model"], recording, wanted, told.get("language") or "en", told.get("prompt") or "", stream)


def read_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of multipart/form-data, files among them; the last of a name wins. Refusal when it is none."""
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if "multipart/form-data" not in content_type.lower() or not match:
        raise invalid("Could not parse multipart form: expected multipart/form-data with a boundary.")
    found: dict[str, bytes] = {}
    parts = (b"\r\n" + body).split(b"\r\n--" + match[1].encode("latin-1", "replace"))
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise invalid("Could not parse multipart form: the body ends before its last boundary.")
    for part in parts[1:-1]:
        head, separator, content = part.partition(b"\r\n\r\n")
        names = {
            key.lower(): quoted or bare
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-disposition:")
            for key, quoted, bare in DISPOSITION.findall(line.split(b":", 1)[1])
        }
        if separator and b"name" in names:
            found[names[b"name"].decode(errors="replace")] = content
    return found


def seconds(recording: bytes) -> float:
    """How long it lasts: as its WAV header says, else as its size suggests; at least 0.1."""
    if recording[:4] == b"RIFF" and recording[8:12] == b"WAVE" and len(recording) > 44:
        (rate,) = struct.unpack("<I", recording[28:32])
        return max(0.1, round((len(recording) - 44) / (rate or BYTES_A_SECOND), 2))
    return max(0.1, round(len(recording) / BYTES_A_SECOND, 2))


def answer(asked: Asked, faults: Faults) -> Whole | Stream:
    """What is said in the recording, in the form that was asked for."""
    text = _heard(asked)
    if asked.stream:
        return Stream(_events(asked, text, faults), lambda: Piece(Kind.CONTENT, Refusal.of(500).body()))
    if asked.format in ("text", "srt", "vtt"):
        return Whole(_subtitles(asked, text), content_type="text/plain; charset=utf-8", tokens=splitting.count(text))
    value: dict[str, Any] = {"text": text}
    if asked.format == "verbose_json":
        length = seconds(asked.recording)
        segment = {"id": 0, "seek": 0, "start": 0, "end": length, "text": text, "tokens": [], "temperature": 0}
        segment |= {"avg_logprob": -0.25, "compression_ratio": 1.5, "no_speech_prob": 0.01}
        value = {"task": "transcribe", "language": asked.language, "duration": length, **value, "segments": [segment]}
    if "no-usage" not in faults:
        value["usage"] = _usage(asked, text)
    return Whole(json.dumps(value, ensure_ascii=False, indent=2).encode(), tokens=splitting.count(text))


def _heard(asked: Asked) -> str:
    dice = Dice(fingerprint_of(asked.recording.hex(), asked.language))
    topic = dice.pick("topic", TOPICS)
    return f"This is a recording of {seconds(asked.recording)} seconds about {topic}. " + next(
        prose.sentences(topic, dice)
    )


def _usage(asked: Asked, text: str) -> dict[str, Any]:
    if asked.model.startswith("whisper"):
        return {"type": "duration", "seconds": int(-(-seconds(asked.recording) // 1))}
    heard, read = int(seconds(asked.recording) * TOKENS_A_SECOND) + 1, splitting.count(asked.prompt)
    said = splitting.count(text)
    details = {"text_tokens": read, "audio_tokens": heard}
    total = heard + read + said
    return {
        "type": "tokens",
        "input_tokens": heard + read,
        "input_token_details": details,
        "output_tokens": said,
        "total_tokens": total,
    }


def _subtitles(asked: Asked, text: str) -> bytes:
    if asked.format == "text":
        return text.encode() + b"\n"
    end = int(seconds(asked.recording) * 1000)
    clock = f"{end // 3_600_000:02}:{end // 60_000 % 60:02}:{end // 1000 % 60:02}.{end % 1000:03}"
    if asked.format == "vtt":
        return f"WEBVTT\n\n00:00:00.000 --> {clock}\n{text}\n".encode()
    return f"1\n00:00:00,000 --> {clock.replace('.', ',')}\n{text}\n".encode()


def _events(asked: Asked, text: str, faults: Faults) -> Iterator[Piece]:
    for token in splitting.split(text):
        yield Piece(Kind.CONTENT, json.dumps({"type": "transcript.text.delta", "delta": token}).encode())
    done: dict[str, Any] = {"type": "transcript.text.done", "text": text}
    if "no-usage" not in faults:
        done["usage"] = _usage(asked, text)
    if "no-done" not in faults:
        yield Piece(Kind.DONE, json.dumps(done).encode())
