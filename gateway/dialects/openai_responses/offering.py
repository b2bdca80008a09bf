"""Take out of a request the tools that a provider runs itself, for those who do not sell them: providers charge for
each use, beside the tokens."""

from __future__ import annotations

import msgspec

from gateway.dialects.members import Edit, edited
from gateway.dialects.openai_responses.retargeting import scan
from gateway.dialects.openai_responses.tools import parse_choice, parse_tools


def without_native_tools(body: bytes) -> tuple[bytes, list[str]]:
    """The same request with the customer's own tools only, and the names of what was taken out ("tools.web_search").

    Every other byte stays. Raises UnsupportedParameter when `tool_choice` demands one of them, and the errors of
    `parse` for tools that cannot be read.
    """
    found = scan(body)
    tools = msgspec.json.decode(body[slice(*found["tools"])]) if "tools" in found else None
    if not isinstance(tools, list):
        return body, []
    own, native = parse_tools(tools)
    if not native:
        return body, []
    kept = [tool for tool in tools if tool["type"] in ("function", "custom")]
    edits = [Edit(*found["tools"], msgspec.json.encode(kept))]
    if "tool_choice" in found:
        wanted = msgspec.json.decode(body[slice(*found["tool_choice"])])
        choice = parse_choice(wanted, own, native=True)
        if isinstance(wanted, dict) and wanted.get("type") == "allowed_tools" and choice is not None:
            allowed = [tool for tool in wanted["tools"] if tool["type"] in ("function", "custom")]
            plain = {**wanted, "tools": allowed} if allowed else "none"
            edits.append(Edit(*found["tool_choice"], msgspec.json.encode(plain)))
    return edited(body, edits), list(native)
