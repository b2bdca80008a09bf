"""The four tongues of tests/translating.py."""

from __future__ import annotations

import json
from typing import Any

from billing.models import UsageRecord
from tests.translating import ABOUT, CITY, PNG, TOOL, Called, Heard, Tongue

URI = f"data:image/png;base64,{PNG}"


def written(record: UsageRecord) -> int:
    """Tokens that were written to a cache."""
    return record.cache_write_5m_tokens + record.cache_write_1h_tokens


def fresh(record: UsageRecord) -> int:
    """What of the prompt came from no cache and went into none: words, and pictures that are counted apart."""
    return record.input_tokens + record.image_input_tokens


def whole_prompt(record: UsageRecord) -> int:
    """All of the prompt."""
    return fresh(record) + record.cached_input_tokens + written(record)


def whole_answer(record: UsageRecord) -> int:
    """All of the answer."""
    return record.output_tokens + record.reasoning_tokens


class Chat(Tongue):
    """OpenAI's chat completions."""

    name, stop, tools, length = "openai_chat", "stop", "tool_calls", "length"

    def path(self, slug: str, *, stream: bool) -> str:
        return "/v1/chat/completions"

    def user(self, text: str, *, picture: bool = False) -> list[Any]:
        shown = [{"type": "image_url", "image_url": {"url": URI}}] if picture else []
        return [{"role": "user", "content": [{"type": "text", "text": text}, *shown]}]

    def result(self, called: Called, text: str) -> list[Any]:
        return [{"role": "tool", "tool_call_id": called.id, "content": text}]

    def body(self, slug: str, turns: list[Any], **wishes: Any) -> dict[str, Any]:
        system = [{"role": "system", "content": wishes["system"]}] if wishes.get("system") else []
        body: dict[str, Any] = {"model": slug, "messages": [*system, *turns]}
        if wishes.get("stream"):
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if wishes.get("tool"):
            function = {"name": TOOL, "description": ABOUT, "parameters": CITY}
            body["tools"] = [{"type": "function", "function": function}]
        if wishes.get("think"):
            body["reasoning_effort"] = "low"
        if wishes.get("limit"):
            body["max_completion_tokens"] = wishes["limit"]
        return {**body, **wishes.get("more", {})}

    def whole(self, answer: Any) -> Heard:
        [choice] = answer["choices"]
        return self._heard(choice["message"], choice["finish_reason"], answer)

    def pieces(self, events: list[Any]) -> Heard:
        message: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_content": ""}
        calls: dict[int, Any] = {}
        details: list[Any] = []
        finish, last = "", events[-1]
        if "error" in last:
            return Heard(error=last["error"])
        for event in events:
            for choice in event["choices"]:
                delta = choice["delta"]
                message["content"] += delta.get("content") or ""
                message["reasoning_content"] += delta.get("reasoning_content") or ""
                details += delta.get("reasoning_details") or []
                finish = choice["finish_reason"] or finish
                for piece in delta.get("tool_calls") or []:
                    known = calls.setdefault(piece["index"], {**piece, "function": {"name": "", "arguments": ""}})
                    known["function"]["name"] += piece["function"].get("name") or ""
                    known["function"]["arguments"] += piece["function"].get("arguments") or ""
        if calls:
            message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in calls.values()]
        if details:
            message["reasoning_details"] = details
        return self._heard(message, finish, last)

    def _heard(self, message: Any, finish: str, answer: Any) -> Heard:
        usage = answer["usage"]
        flat = {
            "prompt": usage["prompt_tokens"],
            "cached": (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
            "completion": usage["completion_tokens"],
            "reasoning": (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0),
            "total": usage["total_tokens"],
        }
        calls = [
            Called(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls") or []
        ]
        thoughts = message.get("reasoning_content") or ""
        return Heard(message["content"] or "", thoughts, calls, finish, answer["model"], flat, [message])

    def told(self, record: UsageRecord) -> dict[str, int]:
        prompt, completion = whole_prompt(record), whole_answer(record)
        return {
            "prompt": prompt,
            "cached": record.cached_input_tokens,
            "completion": completion,
            "reasoning": record.reasoning_tokens,
            "total": prompt + completion,
        }


class Responses(Tongue):
    """OpenAI's Responses, with the history in the customer's hands."""

    name, stop, tools, length = "openai_responses", "completed", "completed", "incomplete"

    def path(self, slug: str, *, stream: bool) -> str:
        return "/v1/responses"

    def user(self, text: str, *, picture: bool = False) -> list[Any]:
        shown = [{"type": "input_image", "image_url": URI, "detail": "auto"}] if picture else []
        return [{"role": "user", "content": [{"type": "input_text", "text": text}, *shown]}]

    def result(self, called: Called, text: str) -> list[Any]:
        return [{"type": "function_call_output", "call_id": called.id, "output": text}]

    def body(self, slug: str, turns: list[Any], **wishes: Any) -> dict[str, Any]:
        body: dict[str, Any] = {"model": slug, "input": turns, "store": False, "stream": bool(wishes.get("stream"))}
        body["include"] = ["reasoning.encrypted_content"]  # what nobody stores must come back sealed
        if wishes.get("system"):
            body["instructions"] = wishes["system"]
        if wishes.get("tool"):
            body["tools"] = [{"type": "function", "name": TOOL, "description": ABOUT, "parameters": CITY}]
        if wishes.get("think"):
            body["reasoning"] = {"effort": "low", "summary": "auto"}
        if wishes.get("limit"):
            body["max_output_tokens"] = wishes["limit"]
        return {**body, **wishes.get("more", {})}

    def pieces(self, events: list[Any]) -> Heard:
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        last = events[-1]
        if last["type"] in ("error", "response.failed"):
            return Heard(error=last)
        heard = self.whole(last["response"])
        deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
        assert "".join(deltas) == heard.text
        return heard

    def whole(self, answer: Any) -> Heard:
        heard = Heard(finish=answer["status"], model=answer["model"], turns=answer["output"])
        for item in answer["output"]:
            if item["type"] == "message":
                heard.text += "".join(part["text"] for part in item["content"])
            elif item["type"] == "reasoning":
                heard.thoughts += "".join(part["text"] for part in item["summary"])
            else:
                heard.calls.append(Called(item["call_id"], item["name"], json.loads(item["arguments"])))
        usage = answer["usage"]
        heard.usage = {
            "prompt": usage["input_tokens"],
            "cached": usage["input_tokens_details"]["cached_tokens"],
            "completion": usage["output_tokens"],
            "reasoning": usage["output_tokens_details"]["reasoning_tokens"],
            "total": usage["total_tokens"],
        }
        return heard

    def told(self, record: UsageRecord) -> dict[str, int]:
        return Chat().told(record)


class Messages(Tongue):
    """Anthropic's Messages."""

    name, stop, tools, length = "anthropic_messages", "end_turn", "tool_use", "max_tokens"

    def path(self, slug: str, *, stream: bool) -> str:
        return "/v1/messages"

    def user(self, text: str, *, picture: bool = False) -> list[Any]:
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        shown = [{"type": "image", "source": source}] if picture else []
        return [{"role": "user", "content": [*shown, {"type": "text", "text": text}]}]

    def result(self, called: Called, text: str) -> list[Any]:
        block = {"type": "tool_result", "tool_use_id": called.id, "content": text}
        return [{"role": "user", "content": [block]}]

    def body(self, slug: str, turns: list[Any], **wishes: Any) -> dict[str, Any]:
        body: dict[str, Any] = {"model": slug, "max_tokens": wishes.get("limit") or 6000, "messages": turns}
        body["stream"] = bool(wishes.get("stream"))
        if wishes.get("system"):
            body["system"] = wishes["system"]
        if wishes.get("tool"):
            body["tools"] = [{"name": TOOL, "description": ABOUT, "input_schema": CITY}]
        if wishes.get("think"):
            body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return {**body, **wishes.get("more", {})}

    def whole(self, answer: Any) -> Heard:
        heard = Heard(finish=answer["stop_reason"], model=answer["model"])
        heard.turns = [{"role": "assistant", "content": answer["content"]}]
        for block in answer["content"]:
            if block["type"] == "text":
                heard.text += block["text"]
            elif block["type"] == "tool_use":
                heard.calls.append(Called(block["id"], block["name"], block["input"]))
            else:
                heard.thoughts += block.get("thinking", "")
        usage = answer["usage"]
        heard.usage = {
            "prompt": usage["input_tokens"],
            "cached": usage["cache_read_input_tokens"],
            "written": usage["cache_creation_input_tokens"],
            "completion": usage["output_tokens"],
        }
        return heard

    def pieces(self, events: list[Any]) -> Heard:
        message: Any = None
        for event in events:
            if event["type"] == "message_start":
                message = event["message"]
            elif event["type"] == "content_block_start":
                assert event["index"] == len(message["content"])
                message["content"].append(event["content_block"] | {"json": ""})
            elif event["type"] == "content_block_delta":
                block, delta = message["content"][event["index"]], event["delta"]
                name = delta["type"].removesuffix("_delta").replace("input_", "")
                key = {"json": "partial_json"}.get(name, name)
                block[name] = block.get(name, "") + delta[key]
            elif event["type"] == "message_delta":
                message |= event["delta"]
                message["usage"] |= event["usage"]
            elif event["type"] == "error":
                return Heard(error=event)
        assert events[-1]["type"] == "message_stop"
        for block in message["content"]:
            said = block.pop("json")
            if block["type"] == "tool_use":
                block["input"] = json.loads(said or "{}")
        return self.whole(message)

    def told(self, record: UsageRecord) -> dict[str, int]:
        return {
            "prompt": fresh(record),
            "cached": record.cached_input_tokens,
            "written": written(record),
            "completion": whole_answer(record),
        }


class Gemini(Tongue):
    """Google's generateContent."""

    name, stop, tools, length = "gemini_generate", "STOP", "STOP", "MAX_TOKENS"

    def path(self, slug: str, *, stream: bool) -> str:
        return f"/v1beta/models/{slug}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")

    def user(self, text: str, *, picture: bool = False) -> list[Any]:
        shown = [{"inlineData": {"mimeType": "image/png", "data": PNG}}] if picture else []
        return [{"role": "user", "parts": [*shown, {"text": text}]}]

    def result(self, called: Called, text: str) -> list[Any]:
        response = {"name": called.name, "response": {"result": text}}
        return [{"role": "user", "parts": [{"functionResponse": response | ({"id": called.id} if called.id else {})}]}]

    def body(self, slug: str, turns: list[Any], **wishes: Any) -> dict[str, Any]:
        config: dict[str, Any] = {}
        body: dict[str, Any] = {"contents": self._joined(turns), "generationConfig": config}
        if wishes.get("system"):
            body["systemInstruction"] = {"parts": [{"text": wishes["system"]}]}
        if wishes.get("tool"):
            function = {"name": TOOL, "description": ABOUT, "parametersJsonSchema": CITY}
            body["tools"] = [{"functionDeclarations": [function]}]
        if wishes.get("think"):
            config["thinkingConfig"] = {"thinkingBudget": 1024, "includeThoughts": True}
        if wishes.get("limit"):
            config["maxOutputTokens"] = wishes["limit"]
        return {**body, **wishes.get("more", {})}

    def _joined(self, turns: list[Any]) -> list[Any]:
        """All results of one turn stand in one content."""
        joined: list[Any] = []
        for turn in turns:
            if joined and joined[-1]["role"] == turn["role"]:
                joined[-1] = {**turn, "parts": [*joined[-1]["parts"], *turn["parts"]]}
            else:
                joined.append(turn)
        return joined

    def whole(self, answer: Any) -> Heard:
        return self.pieces([answer])

    def pieces(self, events: list[Any]) -> Heard:
        heard = Heard()
        for event in events:
            if "error" in event:
                return Heard(error=event["error"])
            heard.model = event["modelVersion"]
            heard.usage = self._flat(event.get("usageMetadata") or {})
            for candidate in event.get("candidates") or []:
                content = candidate.get("content") or {}
                heard.finish = candidate.get("finishReason") or heard.finish
                if content.get("parts"):
                    heard.turns.append(content)
                for part in content.get("parts") or []:
                    if "functionCall" in part:
                        call = part["functionCall"]
                        heard.calls.append(Called(call.get("id", ""), call["name"], call.get("args") or {}))
                    elif part.get("thought"):
                        heard.thoughts += part.get("text", "")
                    else:
                        heard.text += part.get("text", "")
        return heard

    def _flat(self, usage: Any) -> dict[str, int]:
        names = {"prompt": "promptTokenCount", "cached": "cachedContentTokenCount", "total": "totalTokenCount"}
        names |= {"completion": "candidatesTokenCount", "reasoning": "thoughtsTokenCount"}
        return {name: usage.get(wire) or 0 for name, wire in names.items()}

    def told(self, record: UsageRecord) -> dict[str, int]:
        return Chat().told(record) | {"completion": record.output_tokens}


TONGUES: dict[str, Tongue] = {tongue.name: tongue for tongue in (Chat(), Responses(), Messages(), Gemini())}
