"""Streamed answers of Responses. Reference: platform.openai.com/docs/api-reference/responses-streaming.

The last event is response.completed, response.incomplete or response.failed. OpenAI sends no `data: [DONE]` after it;
the Open Responses specification asks for one. We follow OpenAI: clients of either kind stop at the last event.
"""

from __future__ import annotations

from gateway.dialects.openai_responses.closing import ending, failure
from gateway.dialects.openai_responses.hearing import Parser
from gateway.dialects.openai_responses.renaming import rename_event as rename
from gateway.dialects.openai_responses.telling import Renderer

__all__ = ["ending", "failure", "parser", "rename", "renderer"]

parser = Parser
renderer = Renderer
