"""The items of an answer while they are told: one open at a time, in the events that this wire has for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.canonical import Blob, Image, Refusal, Text, ToolCall
from gateway.dialects.blobs import tie
from gateway.dialects.openai_responses.items import encrypted, own
from gateway.dialects.openai_responses.objects import Object, identity


class Items:
    """Makes events through `say`, which numbers them; `output` grows by each item that has ended."""

    def __init__(self, say: Callable[[str, Object], bytes]) -> None:
        self.response_id = ""
        self.output: list[Object] = []
        self._say = say
        self._item: Object | None = None
        self._part: Object | None = None  # the open part of a message
        self._words: list[str] = []  # what was said of the open part
        self._thinking = False  # whether the summary of a reasoning item is open

    def whole(self, item: Object) -> bytes:
        """An item of this dialect's own, told at once."""
        said = self.end() + self._added({**item, **({"status": "in_progress"} if "status" in item else {})})
        self._item = dict(item)
        return said + self.end()

    def picture(self, image: Image) -> bytes:
        """A picture that the model made."""
        source = image.source
        item: Object = {
            "id": self._id("ig"),
            "type": "image_generation_call",
            "status": "completed",
            **own(image).get("item", {}),
            "result": source.data,
        }
        if source.data is None:
            # Elsewhere, or nowhere that this wire can say: the address is all there is to tell.
            return self.open_words(Text, {}) + self.word(source.url or "", None) + self.close_words()
        form = (source.media_type or "image/png").removeprefix("image/")
        if form != "png":
            item.setdefault("output_format", form)
        return self.whole(item)

    # A tool call.

    def call(self, call: ToolCall) -> bytes:
        """It begins. A foreign blob of its own rides on its id."""
        said = self.end()
        name, prefix = ("custom_tool_call", "ctc") if call.custom else ("function_call", "fc")
        return said + self._added(
            {
                "id": self._id(prefix),
                "type": name,
                "status": "in_progress",
                "call_id": tie(call.id, [], call.blob),
                "name": call.name,
                "input" if call.custom else "arguments": "",
                **own(call),
            }
        )

    def argument(self, text: str) -> bytes:
        """More of its arguments."""
        self._words.append(text)
        return self._say(self._call_event("delta"), {**self._at(), "delta": text})

    def called(self) -> bytes:
        """They are whole. None at all are an empty object to those who parse them."""
        item = self._item
        if item is None or item.get("type") not in ("function_call", "custom_tool_call"):
            return b""
        custom = item["type"] == "custom_tool_call"
        said = b"" if custom or self._words else self.argument("{}")
        member, text = "input" if custom else "arguments", "".join(self._words)
        item[member] = text
        self._words = []
        return said + self._say(self._call_event("done"), {**self._at(), member: text})

    def _call_event(self, what: str) -> str:
        custom = self._item is not None and self._item["type"] == "custom_tool_call"
        return f"response.{'custom_tool_call_input' if custom else 'function_call_arguments'}.{what}"

    # Words of a message.

    def open_words(self, kind: type[Text | Refusal], mine: Object) -> bytes:
        """A text or a refusal begins, unless it is open: in the open message, when it belongs there, else in a new
        one."""
        if self._part is not None:
            return b""
        item, said = self._item, b""
        ids = mine.get("id"), mine.get("phase")
        if item is None or item.get("type") != "message" or not self._belongs(item, *ids):
            said = self.end() + self._added(
                {
                    "id": ids[0] or self._id("msg"),
                    "type": "message",
                    "status": "in_progress",
                    "role": "assistant",
                    "content": [],
                    **({"phase": ids[1]} if ids[1] else {}),
                }
            )
        refused = kind is Refusal
        self._part = (
            {"type": "refusal", "refusal": ""}
            if refused
            else {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        )
        return said + self._say("response.content_part.added", {**self._place(), "part": dict(self._part)})

    def _belongs(self, item: Object, identity: str | None, phase: str | None) -> bool:
        return (identity is None or identity == item["id"]) and phase == item.get("phase")

    def word(self, text: str, logprobs: list[Any] | None) -> bytes:
        """More of it."""
        self._words.append(text)
        part = self._part or {}
        if "refusal" in part:
            return self._say("response.refusal.delta", {**self._place(), "delta": text})
        if logprobs:
            part["logprobs"].extend(logprobs)
        return self._say("response.output_text.delta", {**self._place(), "delta": text, "logprobs": logprobs or []})

    def note(self, annotation: Object) -> bytes:
        """An annotation of it."""
        part = self._part or {}
        notes = part.get("annotations")
        if notes is None:
            return b""
        notes.append(annotation)
        return self._say(
            "response.output_text.annotation.added",
            {**self._place(), "annotation_index": len(notes) - 1, "annotation": annotation},
        )

    def close_words(self) -> bytes:
        """It ends; its message stays open."""
        part, item = self._part, self._item
        if part is None or item is None:
            return b""
        text = "".join(self._words)
        place = self._place()
        if "refusal" in part:
            part["refusal"] = text
            said = self._say("response.refusal.done", {**place, "refusal": text})
        else:
            part["text"] = text
            said = self._say("response.output_text.done", {**place, "text": text, "logprobs": part["logprobs"]})
        said += self._say("response.content_part.done", {**place, "part": part})
        item["content"].append(part)
        self._part, self._words = None, []
        return said

    # Reasoning.

    def think(self, text: str, mine: Object) -> bytes:
        """More of a summary."""
        said = b"" if self._is_reasoning() else self._reason(mine)
        if not text:
            return said
        place = {**self._at(), "summary_index": 0}
        if not self._thinking:
            self._thinking = True
            empty = {"type": "summary_text", "text": ""}
            said += self._say("response.reasoning_summary_part.added", {**place, "part": empty})
        self._words.append(text)
        return said + self._say("response.reasoning_summary_text.delta", {**place, "delta": text})

    def thought(self, blob: Blob | None, mine: Object) -> bytes:
        """The reasoning is whole. What is neither words nor opaque is nothing at all."""
        said = b""
        if not self._is_reasoning():
            if blob is None and not mine:
                return b""
            said = self._reason(mine)
        item, text = self._item or {}, "".join(self._words)
        if self._thinking:
            place, part = {**self._at(), "summary_index": 0}, {"type": "summary_text", "text": text}
            item["summary"] = [part]
            said += self._say("response.reasoning_summary_text.done", {**place, "text": text})
            said += self._say("response.reasoning_summary_part.done", {**place, "part": part})
        if blob is not None:
            item["encrypted_content"] = encrypted(blob, item.get("id"))
        self._thinking = False
        # Nothing can belong to it any more, and the next may be reasoning as well.
        return said + self.end()

    def _reason(self, mine: Object) -> bytes:
        return self.end() + self._added({"id": mine.get("id") or self._id("rs"), "type": "reasoning", "summary": []})

    def _is_reasoning(self) -> bool:
        return self._item is not None and self._item.get("type") == "reasoning"

    # The item itself.

    def end(self, status: str = "completed") -> bytes:
        """The open item ends."""
        said = self.close_words()
        item, self._item = self._item, None
        if item is None:
            return said
        self._words, self._thinking = [], False
        if item.get("type") in ("message", "function_call", "custom_tool_call"):
            item["status"] = status
        said += self._say("response.output_item.done", {"output_index": len(self.output), "item": item})
        self.output.append(item)
        return said

    def _added(self, item: Object) -> bytes:
        self._item = item
        shown = {**item, "content": []} if "content" in item else item
        return self._say("response.output_item.added", {"output_index": len(self.output), "item": shown})

    def _id(self, prefix: str) -> str:
        return identity(prefix, self.response_id, len(self.output))

    def _at(self) -> Object:
        return {"item_id": (self._item or {}).get("id"), "output_index": len(self.output)}

    def _place(self) -> Object:
        return {**self._at(), "content_index": len((self._item or {}).get("content", ()))}
