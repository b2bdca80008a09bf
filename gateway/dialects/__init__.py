"""All wire formats by name. A new one is one package and one line here."""

from __future__ import annotations

from gateway.dialects.anthropic_messages import errors as anthropic_messages_errors
from gateway.dialects.anthropic_messages import request as anthropic_messages_request
from gateway.dialects.anthropic_messages import response as anthropic_messages_response
from gateway.dialects.anthropic_messages import stream as anthropic_messages_stream
from gateway.dialects.anthropic_messages import usage as anthropic_messages_usage
from gateway.dialects.base import Dialect
from gateway.dialects.gemini_generate import errors as gemini_generate_errors
from gateway.dialects.gemini_generate import request as gemini_generate_request
from gateway.dialects.gemini_generate import response as gemini_generate_response
from gateway.dialects.gemini_generate import stream as gemini_generate_stream
from gateway.dialects.gemini_generate import usage as gemini_generate_usage
from gateway.dialects.openai_chat import errors as openai_chat_errors
from gateway.dialects.openai_chat import request as openai_chat_request
from gateway.dialects.openai_chat import response as openai_chat_response
from gateway.dialects.openai_chat import stream as openai_chat_stream
from gateway.dialects.openai_chat import usage as openai_chat_usage
from gateway.dialects.openai_responses import errors as openai_responses_errors
from gateway.dialects.openai_responses import request as openai_responses_request
from gateway.dialects.openai_responses import response as openai_responses_response
from gateway.dialects.openai_responses import stream as openai_responses_stream
from gateway.dialects.openai_responses import usage as openai_responses_usage

OPENAI_CHAT = Dialect(
    name="openai_chat",
    request=openai_chat_request,
    response=openai_chat_response,
    stream=openai_chat_stream,
    errors=openai_chat_errors,
    usage=openai_chat_usage,
)

OPENAI_RESPONSES = Dialect(
    name="openai_responses",
    request=openai_responses_request,
    response=openai_responses_response,
    stream=openai_responses_stream,
    errors=openai_responses_errors,
    usage=openai_responses_usage,
)

ANTHROPIC_MESSAGES = Dialect(
    name="anthropic_messages",
    request=anthropic_messages_request,
    response=anthropic_messages_response,
    stream=anthropic_messages_stream,
    errors=anthropic_messages_errors,
    usage=anthropic_messages_usage,
)

GEMINI_GENERATE = Dialect(
    name="gemini_generate",
    request=gemini_generate_request,
    response=gemini_generate_response,
    stream=gemini_generate_stream,
    errors=gemini_generate_errors,
    usage=gemini_generate_usage,
)

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, GEMINI_GENERATE)
}
