"""The one form between the dialects, and what the relay knows of a request without decoding it. Pure data.

A translated call goes: `parse` of the customer's dialect → ChatRequest → `render` of the provider's dialect; back:
`parse` → Completion, or Events → `render`. The form is small: it holds what at least three dialects mean.

What only one dialect knows travels in `extras` under the dialect's name ("openai_chat", "anthropic_messages" …), or
under "openai" where chat completions and Responses write it alike, exactly as that wire format has it. Its own dialect
writes it back; every other adds the names to `ChatRequest.dropped`, which the customer reads in a response header. What
cannot be left out without changing the answer raises UnsupportedParameter or UnsupportedCapability instead.
"""

from __future__ import annotations

from gateway.canonical.answer import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    Choice,
    ChoiceEnd,
    Completion,
    End,
    ErrorEvent,
    Event,
    Finish,
    Start,
    UsageReport,
)
from gateway.canonical.envelope import (
    Envelope,
    Fault,
    Measure,
)
from gateway.canonical.parts import (
    Audio,
    Blob,
    Document,
    Extras,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import (
    ChatRequest,
    Format,
    Message,
    Thinking,
    Tool,
    ToolChoice,
)

__all__ = [
    "Audio",
    "Blob",
    "BlockDelta",
    "BlockEnd",
    "BlockStart",
    "ChatRequest",
    "Choice",
    "ChoiceEnd",
    "Completion",
    "Document",
    "End",
    "Envelope",
    "ErrorEvent",
    "Event",
    "Extras",
    "Fault",
    "Finish",
    "Format",
    "Image",
    "Measure",
    "Message",
    "Part",
    "Reasoning",
    "Refusal",
    "Source",
    "Start",
    "Text",
    "Thinking",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolResult",
    "UsageReport",
]
