"""Input items → canonical messages.

The input is a flat list; a turn of the assistant is what stands between two things that others said: reasoning,
messages and calls. Results that follow it are one message of the user's side.
"""

from __future__ import annotations

from typing import Any

from gateway.canonical import Message, Part, Refusal, Text, ToolCall, ToolResult
from gateway.dialects.blobs import untie
from gateway.dialects.openai_responses.content import needed, parse_content
from gateway.dialects.openai_responses.items import beside_text, call_of, extras_of, opaque, reasoning, untied
from gateway.errors import InvalidParameter, MissingParameter, UnsupportedParameter

Item = dict[str, Any]

# What the provider did itself: nothing that another model needs to go on.
_PASSED = frozenset(
    {"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_list_tools"}
    | {"mcp_call", "mcp_approval_request", "mcp_approval_response", "tool_search_call", "tool_search_output"}
    | {"program", "program_output", "configuration_update"}
)
# What stands for a part of the conversation that only the provider can read or do.
_REFUSED = frozenset(
    {"compaction", "compaction_trigger", "computer_call", "computer_call_output", "local_shell_call"}
    | {"local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output"}
)
INSIDE = "input."  # starts the names of items that only this dialect can carry, in the list of what another drops


class Conversation:
    """Collects items into messages. Raises InvalidParameter (also for a result without its call and a call without its
    result, which every provider refuses), MissingParameter, InvalidMedia and UnsupportedParameter."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.tools: list[Any] = []  # definitions that came among the items
        self.foreign: dict[str, bool] = {}  # INSIDE + type of items that only this dialect can carry
        self._waiting: dict[str, ToolCall] = {}  # calls of the last assistant turn that have no result yet
        self._results: Message | None = None

    def add(self, items: str | list[Item]) -> None:
        """The whole `input`."""
        if isinstance(items, str):
            self.messages.append(Message("user", [Text(items)]))
            return
        for index, item in enumerate(items):
            self._add(item, f"input[{index}]")
        self._all_answered(f"input[{len(items) - 1}]")
        for message in self.messages:
            if message.role == "assistant":
                message.parts = beside_text(message.parts)

    def _add(self, item: Item, where: str) -> None:
        kind = item.get("type") or "message"
        match kind:
            case "message":
                self._message(item, where)
            case "reasoning":
                self._assistant([reasoning(item, answered=False)], where)
            case "function_call" | "custom_tool_call":
                needed(item, "call_id", where)
                needed(item, "name", where)
                needed(item, "input" if kind == "custom_tool_call" else "arguments", where)
                call = call_of(item)
                call.extras = extras_of({"namespace": item.get("namespace")})
                thoughts, call = untied(call)
                self._assistant([*thoughts, call], where)
                self._waiting[call.id] = call
            case "function_call_output" | "custom_tool_call_output":
                self._result(item, where)
            case "additional_tools":
                tools = item.get("tools")
                self.tools += tools if isinstance(tools, list) else []
            case _ if kind in _PASSED:
                self.foreign[INSIDE + kind] = True
                self._assistant([opaque(item)], where)
            case _ if kind in _REFUSED:
                raise UnsupportedParameter(f"This model cannot continue from a `{kind}`.", param=where)
            case "item_reference":
                raise UnsupportedParameter(f"`{where}` refers to an item that is not stored here.", param=where)
            case _:
                raise InvalidParameter(
                    f"`{where}.type` is not a known kind of item.", param=f"{where}.type", value=kind
                )

    def _message(self, item: Item, where: str) -> None:
        role = item.get("role")
        if role is None:
            raise MissingParameter(f"`{where}.role` is required.", param=f"{where}.role")
        parts = parse_content(item.get("content"), f"{where}.content")
        if role == "assistant":
            phase = item.get("phase")
            for part in parts:
                if not isinstance(part, Text | Refusal):
                    raise InvalidParameter(f"`{where}.content` may hold text only.", param=f"{where}.content")
                if phase is not None:
                    part.extras.update(extras_of({"phase": phase}))
            self._assistant(parts, where)
            return
        self._all_answered(where)
        self._results = None
        made = Message("user" if role == "user" else "system", parts)
        if role == "developer":
            made.extras["openai"] = {"role": "developer"}
        self.messages.append(made)

    def _assistant(self, parts: list[Part], where: str) -> None:
        if self._results is not None:
            self._all_answered(where)
            self._results = None
        last = self.messages[-1] if self.messages else None
        if last is None or last.role != "assistant":
            last = Message("assistant")
            self.messages.append(last)
        last.parts += parts

    def _result(self, item: Item, where: str) -> None:
        call_id, _, _ = untie(needed(item, "call_id", where))
        call = self._waiting.pop(call_id, None)
        if call is None:
            raise InvalidParameter(f"`{where}` answers no tool call before it.", param=f"{where}.call_id")
        if item.get("output") is None:
            raise MissingParameter(f"`{where}.output` is required.", param=f"{where}.output")
        parts = parse_content(item["output"], f"{where}.output")
        if self._results is None:
            self._results = Message("user")
            self.messages.append(self._results)
        # A cache breakpoint of its last part is one of the whole result.
        cache = parts[-1].cache if parts else None
        if cache is not None:
            parts[-1].cache = None
        custom = item["type"] == "custom_tool_call_output"
        self._results.parts.append(ToolResult(call_id=call_id, parts=parts, name=call.name, custom=custom, cache=cache))

    def _all_answered(self, where: str) -> None:
        if self._waiting:
            raise InvalidParameter(
                f"Every tool call must be followed by its output; missing before or at {where}: "
                f"{', '.join(self._waiting)}.",
                param=where,
            )
