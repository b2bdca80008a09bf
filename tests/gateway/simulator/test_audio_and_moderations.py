"""Speech, transcription and moderations, asked by the official OpenAI client."""

from __future__ import annotations

import io
import wave
from typing import Any

import httpx
import openai
import pytest

from tests.gateway.simulator.asking import body


def recording(seconds: int) -> tuple[str, bytes]:
    """A file of so much silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(b"\0\0" * 8_000 * seconds)
    return "speech.wav", file.getvalue()


def test_speech_is_a_file_that_players_can_read(alice: openai.OpenAI) -> None:
    spoken = alice.audio.speech.create(model="tts-1", voice="alloy", input="Hello there", response_format="wav")
    with wave.open(io.BytesIO(spoken.content)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (24_000, 1)
        assert sound.getnframes() == 11 * 240
    assert spoken.response.headers["content-type"] == "audio/wav"
    usual = alice.audio.speech.create(model="tts-1", voice="alloy", input="Hello there")
    assert usual.content.startswith(b"\xff\xfb")
    assert usual.response.headers["content-type"] == "audio/mpeg"
    again = alice.audio.speech.create(model="tts-1", voice="alloy", input="Hello there")
    assert again.content == usual.content


def test_speech_comes_in_events_when_asked_for(wire: httpx.Client) -> None:
    asked = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hello", "stream_format": "sse"}
    text = wire.post("/audio/speech", json=asked).text
    assert '"type":"speech.audio.delta"' in text
    assert '"type":"speech.audio.done","usage":{"input_tokens":1' in text


def test_recordings_are_written_down_in_every_form(alice: openai.OpenAI) -> None:
    told = alice.audio.transcriptions.create(model="whisper-1", file=recording(3))
    assert told.text.startswith("This is a recording of 3.0 seconds about ")
    usage: Any = told.usage
    assert (usage.type, usage.seconds) == ("duration", 3)
    newer: Any = alice.audio.transcriptions.create(
        model="gpt-4o-mini-transcribe", file=recording(3), prompt="Tea"
    ).usage
    assert (newer.type, newer.input_token_details.audio_tokens, newer.input_token_details.text_tokens) == (
        "tokens",
        31,
        1,
    )
    assert newer.total_tokens == newer.input_tokens + newer.output_tokens
    verbose: Any = alice.audio.transcriptions.create(
        model="whisper-1", file=recording(2), response_format="verbose_json"
    )
    assert (verbose.duration, verbose.segments[0].text) == (2.0, verbose.text)
    subtitles = alice.audio.transcriptions.create(model="whisper-1", file=recording(2), response_format="srt")
    assert "00:00:00,000 --> 00:00:02,000" in str(subtitles)


def test_a_translation_is_a_transcription_into_english(wire: httpx.Client, alice: openai.OpenAI) -> None:
    told = alice.audio.transcriptions.create(model="whisper-1", file=recording(3))
    reply = wire.post("/audio/translations", data={"model": "whisper-1"}, files={"file": recording(3)})
    assert reply.json()["text"] == told.text


def test_a_transcription_is_streamed_in_pieces(alice: openai.OpenAI) -> None:
    events: list[Any] = list(
        alice.audio.transcriptions.create(model="gpt-4o-mini-transcribe", file=recording(1), stream=True)
    )
    assert "".join(event.delta for event in events[:-1]) == events[-1].text
    assert events[-1].usage.output_tokens == len(events) - 1


def test_texts_are_moderated_for_their_words(alice: openai.OpenAI) -> None:
    good, bad = alice.moderations.create(input=["What a lovely day", "I will kill you"]).results
    assert (good.flagged, bad.flagged, bad.categories.violence) == (False, True, True)
    assert bad.category_scores.violence > 0.9 > 0.01 > good.category_scores.violence
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    pictured = alice.moderations.create(input=parts, model="omni-moderation-latest").results[0]
    assert pictured.category_applied_input_types.violence == ["text", "image"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"voice": None}, "voice"),
        ({"response_format": "ogg"}, "response_format"),
        ({"model": None}, "model"),
    ],
)
def test_impossible_speech_is_refused(wire: httpx.Client, fields: dict[str, Any], param: str) -> None:
    asked = {"model": "tts-1", "voice": "alloy", "input": "Hello"} | fields
    reply = wire.post("/audio/speech", json={key: value for key, value in asked.items() if value is not None})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


def test_impossible_forms_are_refused(wire: httpx.Client) -> None:
    model = {"model": "whisper-1"}
    assert wire.post("/audio/transcriptions", json=body("Hello")).status_code == 400
    assert wire.post("/audio/transcriptions", data=model).status_code == 400
    missing = wire.post("/audio/transcriptions", files={"file": recording(1)})
    assert missing.json()["error"]["param"] == "model"
    empty = wire.post("/audio/transcriptions", data=model, files={"file": ("a.wav", b"")})
    assert empty.json()["error"]["code"] == "audio_too_short"
    whole = wire.build_request("POST", "/audio/transcriptions", data=model, files={"file": recording(1)})
    cut = wire.post(whole.url, content=whole.read()[:-20], headers={"content-type": whole.headers["content-type"]})
    assert cut.status_code == 400


def test_faults_are_asked_for_in_what_is_read_aloud_or_prompted(alice: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        alice.audio.speech.create(model="tts-1", voice="alloy", input="Hello [[fault: http-429]]")
    with pytest.raises(openai.InternalServerError):
        alice.audio.transcriptions.create(model="whisper-1", file=recording(1), prompt="[[fault: http-503]]")
    with pytest.raises(openai.InternalServerError):
        alice.moderations.create(input="[[fault: http-500]]")
