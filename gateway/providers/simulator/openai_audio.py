"""OpenAI's speech: a hum as long as the text, in a file that players take for what it says it is."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator import splitting, wishes
from gateway.providers.simulator.faults import Faults
from gateway.providers.simulator.openai_errors import Refusal, invalid
from gateway.providers.simulator.playing import Kind, Piece, Stream, Whole

TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
MOST_CHARACTERS = 4096
RATE = 24_000  # samples a second, 16 bits, one channel
PER_CHARACTER = 240  # samples: a hundredth of a second
MOST_SAMPLES = 2 * RATE
MP3_FRAME = b"\xff\xfb\x90\xc4" + bytes(413)  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz, mono: 26 ms of silence
PART = 4_096  # bytes of sound in one event


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be read aloud; `events` when the sound is wanted as server-sent events."""

    model: str
    text: str
    format: str
    events: bool


def parse(value: Mapping[str, Any]) -> Asked:
    """The request; Refusal for what OpenAI refuses."""
    model = fields.text(value, "model", "model", required=True) or ""
    text = fields.text(value, "input", "input", required=True) or ""
    if not isinstance(value.get("voice"), dict):
        fields.text(value, "voice", "voice", required=True)
    if not text or len(text) > MOST_CHARACTERS:
        told = f"Expected a text of 1 to {MOST_CHARACTERS} characters, but got one of {len(text)}."
        code = "string_above_max_length" if text else "string_below_min_length"
        raise invalid(f"Invalid 'input': {told}", param="input", code=code)
    wanted = fields.one_of(value.get("response_format") or "mp3", "response_format", tuple(TYPES))
    fields.number(value, "speed", "speed", least=0, most=4)
    form = fields.one_of(value.get("stream_format") or "audio", "stream_format", ("audio", "sse"))
    return Asked(model, text, wanted, events=form == "sse")


def answer(asked: Asked, faults: Faults) -> Whole | Stream:
    """The recording, or the events that carry it."""
    text = wishes.unspoken(asked.text)
    sound = recording(text, asked.format)
    if asked.events:
        return Stream(_events(sound, text, faults), lambda: Piece(Kind.CONTENT, Refusal.of(500).body()))
    return Whole(sound, content_type=TYPES[asked.format], tokens=len(sound) // PART + 1)


def recording(text: str, form: str) -> bytes:
    """Some hundredths of a second of sound for each character of the text, at most two seconds."""
    samples = min(MOST_SAMPLES, PER_CHARACTER * max(1, len(text)))
    if form == "mp3":
        return MP3_FRAME * max(1, samples * 44_100 // RATE // 1152)
    if form in ("wav", "pcm"):
        hum = b"".join(struct.pack("<h", int(6_000 * math.sin(at * 0.115))) for at in range(samples))
        return hum if form == "pcm" else _wav(hum)
    opening = {"opus": b"OggS\x00\x02", "aac": b"\xff\xf1\x50\x80", "flac": b"fLaC\x00\x00\x00\x22"}[form]
    return opening + bytes(samples // 8)


def _wav(hum: bytes) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    data = struct.pack("<4sI", b"data", len(hum)) + hum
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def _events(sound: bytes, text: str, faults: Faults) -> Iterator[Piece]:
    for at in range(0, len(sound), PART):
        part = base64.b64encode(sound[at : at + PART]).decode()
        yield Piece(Kind.CONTENT, _written({"type": "speech.audio.delta", "audio": part}))
    heard, spoken = splitting.count(text), len(sound) // PART + 1
    done: dict[str, Any] = {"type": "speech.audio.done"}
    if "no-usage" not in faults:
        done["usage"] = {"input_tokens": heard, "output_tokens": spoken, "total_tokens": heard + spoken}
    if "no-done" not in faults:
        yield Piece(Kind.DONE, _written(done))


def _written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
