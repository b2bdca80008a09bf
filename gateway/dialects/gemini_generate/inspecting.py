"""What is wrong with a generateContent request, told member by member: the slow half of peeking."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gateway.dialects.gemini_generate.spelling import camel, either, listed
from gateway.errors import GatewayError, InvalidMedia, InvalidParameter, MissingParameter, UnsupportedParameter

ROLES = ("user", "model", "function", "tool")

# Where files lie that were uploaded through somebody's account. Here that account is ours, so such an address would
# show one customer what another one, or the operator, has put there.
_STORE = re.compile(r"generativelanguage\.(?:[a-z0-9.-]+\.)?googleapis\.com\.?")

_NUMBERS = ("temperature", "topP", "presencePenalty", "frequencyPenalty")
_WHOLE = ("topK", "seed", "logprobs")


class Seen(NamedTuple):
    """What could be read, and the first fault."""

    most: int | None
    choices: int
    media: bool
    fault: GatewayError | None


def inspect(values: dict[str, Any], model: str, most_choices: int) -> Seen:
    """Look at every member that the relay or a translation relies on."""
    faults: list[GatewayError] = []
    members = _spelled(values, "", faults)
    config = members.get("generationConfig")
    if not isinstance(config, dict | None):
        faults.append(InvalidParameter("`generationConfig` must be an object.", param="generationConfig"))
    config = _spelled(config if isinstance(config, dict) else {}, "generationConfig.", faults)
    most = _count(config, "maxOutputTokens", None, faults)
    choices = _count(config, "candidateCount", most_choices, faults)
    first: list[GatewayError] = []
    media = _look_at_contents(members, first)
    _look_at_config(config, faults)
    _look_at_the_rest(members, model, faults)
    return Seen(most, choices or 1, media, next(iter([*first, *faults]), None))


def refused_address(address: str | None) -> bool:
    """Whether a file's address leads into a provider's store instead of the open web."""
    if address is None:
        return False
    if not address.startswith(("https://", "http://")):
        return True
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return True
    return host is None or _STORE.fullmatch(host) is not None


def whole(value: object) -> int | None:
    """A whole number, also one written as 100.0 or "100": in this wire's JSON all three are the same."""
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdecimal() and len(value) < 20:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _spelled(values: dict[str, Any], where: str, faults: list[GatewayError]) -> dict[str, Any]:
    try:
        return camel(values, where)
    except GatewayError as fault:
        faults.append(fault)
        return {name: value for name, value in values.items() if value is not None}


def _count(config: dict[str, Any], name: str, highest: int | None, faults: list[GatewayError]) -> int | None:
    value = config.get(name)
    if value is None:
        return None
    count, where = whole(value), f"generationConfig.{name}"
    if count is None:
        faults.append(InvalidParameter(f"`{where}` must be a whole number.", param=where))
    elif count < 1 or (highest is not None and count > highest):
        allowed = f"between 1 and {highest}" if highest else "at least 1"
        limits = {"min": 1, "max": highest} if highest else {"min": 1}
        faults.append(InvalidParameter(f"`{where}` must be {allowed}.", param=where, **limits))
    else:
        return count
    return None


def _look_at_contents(members: dict[str, Any], faults: list[GatewayError]) -> bool:
    """Whether they hold media."""
    contents = listed(members.get("contents"))
    if "contents" not in members:
        faults.append(MissingParameter("The parameter `contents` is required.", param="contents"))
    elif not contents:
        faults.append(InvalidParameter("`contents` must hold at least one turn.", param="contents"))
    media = False
    for index, content in enumerate(contents):
        media = _look_at_turn(content, f"contents[{index}]", faults) or media
    if "systemInstruction" in members:
        media = _look_at_turn(members["systemInstruction"], "systemInstruction", faults) or media
    return media


def _look_at_turn(content: Any, where: str, faults: list[GatewayError]) -> bool:
    if not isinstance(content, dict):
        faults.append(InvalidParameter(f"`{where}` must be an object.", param=where))
        return False
    if content.get("role") not in (None, "", *ROLES):
        faults.append(
            InvalidParameter(f"`{where}.role` must be `user` or `model`.", param=f"{where}.role", allowed=list(ROLES))
        )
    media = False
    for at, part in enumerate(listed(content.get("parts"))):
        inside = f"{where}.parts[{at}]"
        if not isinstance(part, dict):
            faults.append(InvalidParameter(f"`{inside}` must be an object.", param=inside))
            continue
        if not isinstance(part.get("text"), str | None):
            faults.append(InvalidParameter(f"`{inside}.text` must be a string.", param=f"{inside}.text"))
        for kind in ("inlineData", "fileData", "functionResponse"):
            value = either(part, kind)
            if value is None:
                continue
            if not isinstance(value, dict):
                faults.append(InvalidParameter(f"`{inside}.{kind}` must be an object.", param=f"{inside}.{kind}"))
                continue
            shown = list(media_in(kind, value))
            media = media or bool(shown)
            faults += _addresses(shown, f"{inside}.{kind}")
    return media


def media_in(kind: str, value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The files in one member of a part: itself, or those beside a tool's result."""
    if kind != "functionResponse":
        yield value
        return
    for part in listed(value.get("parts")):
        if isinstance(part, dict):
            inside = either(part, "inlineData") or either(part, "fileData")
            yield inside if isinstance(inside, dict) else {}


def _addresses(shown: list[dict[str, Any]], where: str) -> Iterator[GatewayError]:
    for file in shown:
        address = either(file, "fileUri")
        if not isinstance(address, str | None):
            yield InvalidParameter(f"`{where}.fileUri` must be a string.", param=f"{where}.fileUri")
        elif refused_address(address):
            yield InvalidMedia(
                "Files in a provider's store cannot be read here; send them inline or by an https address.",
                param=f"{where}.fileUri",
                reason="file_id",
            )


def _look_at_config(config: dict[str, Any], faults: list[GatewayError]) -> None:
    def check(name: str, right: Callable[[Any], bool], what: str) -> None:
        if name in config and not right(config[name]):
            faults.append(
                InvalidParameter(f"`generationConfig.{name}` must be {what}.", param=f"generationConfig.{name}")
            )

    for name in _NUMBERS:
        check(name, lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number")
    for name in _WHOLE:
        check(name, lambda value: whole(value) is not None, "a whole number")
    check("responseLogprobs", lambda value: isinstance(value, bool), "true or false")
    check("thinkingConfig", lambda value: isinstance(value, dict), "an object")
    for name in ("stopSequences", "responseModalities"):
        check(name, lambda value: all(isinstance(word, str) for word in listed(value)), "a list of strings")


def _look_at_the_rest(members: dict[str, Any], model: str, faults: list[GatewayError]) -> None:
    for index, tool in enumerate(listed(members.get("tools"))):
        if not isinstance(tool, dict):
            faults.append(InvalidParameter("`tools` must be a list of objects.", param=f"tools[{index}]"))
        elif either(tool, "fileSearch") is not None:
            faults.append(
                UnsupportedParameter("`fileSearch` is not supported.", param=f"tools[{index}].fileSearch", model=model)
            )
    if not isinstance(members.get("toolConfig"), dict | None):
        faults.append(InvalidParameter("`toolConfig` must be an object.", param="toolConfig"))
    if "cachedContent" in members:
        # It names something in the provider's store, which all customers share.
        faults.append(
            UnsupportedParameter("`cachedContent` is not supported.", param="cachedContent", model=model or None)
        )
    named = members.get("model")
    if named is not None and model and named not in (model, f"models/{model}"):
        faults.append(InvalidParameter("`model` must be the model of the address, or left out.", param="model"))
