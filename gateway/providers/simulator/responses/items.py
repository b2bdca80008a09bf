"""The input of a Responses request as heard: text or items → turns of a conversation.

Reasoning that comes back must be what was handed out: its encrypted content is verified, and so is that it still
belongs to the item whose id it carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator import seals
from gateway.providers.simulator.conversation import Attachment, Role, ToolCall, Turn
from gateway.providers.simulator.openai_chat_messages import HIGH_DETAIL, LOW_DETAIL
from gateway.providers.simulator.openai_errors import Refusal, invalid

ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
PREFIXES = {"message": "msg", "function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs"}
CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
OUTPUTS = ("function_call_output", "custom_tool_call_output")
OTHERS = (
    "additional_tools", "apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "compaction",
    "compaction_trigger", "computer_call", "computer_call_output", "configuration_update", "file_search_call",
    "image_generation_call", "local_shell_call", "local_shell_call_output", "mcp_approval_request",
    "mcp_approval_response", "mcp_call", "mcp_list_tools", "program", "program_output", "shell_call",
    "shell_call_output", "tool_search_call", "tool_search_output", "web_search_call",
)  # fmt: skip
TYPES = ("message", "reasoning", "item_reference", *CALLS, *OUTPUTS, *OTHERS)


def parse(value: Mapping[str, Any], instructions: str | None, *, stored: bool) -> tuple[Turn, ...]:
    """The conversation, instructions first; Refusal for what OpenAI refuses, also for calls without their outputs."""
    turns = [Turn("system", instructions)] if instructions else []
    given = value.get("input")
    if given is None or given == "" or given == []:
        raise fields.missing("input")
    if isinstance(given, str):
        return (*turns, Turn("user", given))
    if not isinstance(given, list):
        raise fields.wrong_type("input", "one of a string or array of input items", given)
    open_calls: dict[str, None] = {}
    for at, item in enumerate(given):
        param = f"input[{at}]"
        item = fields.record(item, param)
        kind = fields.one_of(item.get("type", "message"), f"{param}.type", TYPES)
        _check_id(item, kind, param)
        if kind == "message":
            turns.append(_message(item, param))
        elif kind in CALLS:
            call = _call(item, kind, param)
            open_calls[call.id] = None
            if turns and turns[-1].tool_calls:  # parallel calls are one turn
                turns[-1] = Turn("assistant", turns[-1].text, (), (*turns[-1].tool_calls, call))
            else:
                turns.append(Turn("assistant", "", (), (call,)))
        elif kind in OUTPUTS:
            turns.append(_output(item, param, open_calls))
        elif kind == "reasoning":
            _verify(item, param, stored)
        elif kind == "item_reference":
            raise Refusal(404, f"Item with id '{item.get('id')}' not found.", param="input")
    if open_calls:
        raise invalid(f"No tool output found for function call {next(iter(open_calls))}.", param="input")
    if not any(turn.role != "system" for turn in turns):
        turns.append(Turn("user", ""))
    return tuple(turns)


def _check_id(item: Mapping[str, Any], kind: str, param: str) -> None:
    given, prefix = fields.text(item, "id", f"{param}.id"), PREFIXES.get(kind)
    if given and prefix and not given.startswith(prefix):
        told = f"Invalid '{param}.id': '{given}'. Expected an ID that begins with '{prefix}'."
        raise invalid(told, param=f"{param}.id", code="invalid_value")


def _message(item: Mapping[str, Any], param: str) -> Turn:
    if item.get("role") is None:
        raise fields.missing(f"{param}.role")
    spoken = fields.one_of(item["role"], f"{param}.role", tuple(ROLES))
    content = item.get("content")
    if isinstance(content, str):
        return Turn(ROLES[spoken], content)
    if not isinstance(content, list):
        raise fields.wrong_type(f"{param}.content", "one of a string or array of parts", content)
    said = ("output_text", "refusal")
    known = said if spoken == "assistant" else ("input_text", "input_image", "input_file", "input_audio")
    text, attachments = _parts(content, known, f"{param}.content")
    return Turn(ROLES[spoken], text, attachments)


def _parts(content: list[Any], known: tuple[str, ...], param: str) -> tuple[str, tuple[Attachment, ...]]:
    texts: list[str] = []
    attachments: list[Attachment] = []
    for at, part in enumerate(content):
        inside = f"{param}[{at}]"
        part = fields.record(part, inside)
        kind = fields.one_of(part.get("type"), f"{inside}.type", known)
        if kind in ("input_text", "output_text", "refusal"):
            name = "refusal" if kind == "refusal" else "text"
            texts.append(fields.text(part, name, f"{inside}.{name}", required=True) or "")
        else:
            attachments.append(_attachment(kind, part, inside))
    return "\n".join(texts), tuple(attachments)


def _attachment(kind: str, part: Mapping[str, Any], param: str) -> Attachment:
    if kind == "input_image":
        url = fields.text(part, "image_url", f"{param}.image_url") or ""
        if not url and not part.get("file_id"):
            raise fields.missing(f"{param}.image_url")
        if url and not url.startswith(("https://", "http://", "data:image/")):
            told = f"Invalid '{param}.image_url'. Expected a valid URL, but got a value with an invalid format."
            raise invalid(told, param=f"{param}.image_url", code="invalid_value")
        return Attachment("picture", "", LOW_DETAIL if part.get("detail") == "low" else HIGH_DETAIL)
    if kind == "input_audio":
        data = fields.text(fields.record(part.get("input_audio"), param), "data", f"{param}.data", required=True) or ""
        return Attachment("recording", "", 10 + len(data) // 2_000)
    data = fields.text(part, "file_data", f"{param}.file_data") or ""
    if not data and not part.get("file_id") and not part.get("file_url"):
        raise fields.missing(f"{param}.file_data")
    return Attachment("document", fields.text(part, "filename", f"{param}.filename") or "", 50 + len(data) // 20)


def _call(item: Mapping[str, Any], kind: str, param: str) -> ToolCall:
    written = CALLS[kind]
    return ToolCall(
        id=fields.text(item, "call_id", f"{param}.call_id", required=True) or "",
        name=fields.text(item, "name", f"{param}.name", required=True) or "",
        arguments=fields.text(item, written, f"{param}.{written}", required=True) or "",
        free_form=kind == "custom_tool_call",
    )


def _output(item: Mapping[str, Any], param: str, open_calls: dict[str, None]) -> Turn:
    call_id = fields.text(item, "call_id", f"{param}.call_id", required=True) or ""
    if call_id not in open_calls:
        raise invalid(f"No tool call found for function call output with call_id {call_id}.", param="input")
    del open_calls[call_id]
    output = item.get("output")
    if isinstance(output, str):
        return Turn("tool", output, call_id=call_id)
    if not isinstance(output, list):
        raise fields.wrong_type(f"{param}.output", "one of a string or array of parts", output)
    text, attachments = _parts(output, ("input_text", "input_image", "input_file"), f"{param}.output")
    seen = f"{len(attachments)} attachment{'s' if len(attachments) != 1 else ''}" if attachments else ""
    return Turn("tool", ", ".join(part for part in (text, seen) if part), attachments, call_id=call_id)


def _verify(item: Mapping[str, Any], param: str, stored: bool) -> None:
    """Refusal for reasoning that was not handed out here, or was changed on the way."""
    identity = fields.text(item, "id", f"{param}.id")
    if not isinstance(item.get("summary"), list):
        raise fields.missing(f"{param}.summary")
    blob = fields.text(item, "encrypted_content", f"{param}.encrypted_content")
    if blob is None:
        if not stored:
            told = f"Item with id '{identity}' not found. Items are not persisted when `store` is set to false."
            raise Refusal(404, told, param="input")
        return
    opened = seals.read(blob)
    if not seals.is_genuine("responses", opened):
        raise _unverified(identity, "Encrypted content could not be decrypted or parsed.")
    if identity is not None and identity != item_id(opened or b""):
        raise _unverified(identity, "Encrypted content item_id did not match the target item id.")


def item_id(blob: bytes) -> str:
    """The id of the reasoning item that a blob belongs to."""
    return f"rs_{blob[: seals.NONCE].hex()}"


def _unverified(identity: str | None, reason: str) -> Refusal:
    told = f"The encrypted content for item {identity} could not be verified. Reason: {reason}"
    return invalid(told, code="invalid_encrypted_content")
