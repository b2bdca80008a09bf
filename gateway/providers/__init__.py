"""The registry of providers: the adapter's name in the catalogue → what it does. The only list of its kind."""

from gateway.providers.anthropic import Anthropic
from gateway.providers.base import Provider
from gateway.providers.compatible import Compatible
from gateway.providers.google import Google
from gateway.providers.make_believe import MakeBelieve
from gateway.providers.openai import OpenAI

# Companies that speak plain OpenAI, and nothing else.
COMPATIBLE = ("compatible", "xai", "deepseek", "minimax", "mistral", "qwen", "glm", "openrouter")

PROVIDERS: dict[str, Provider] = {
    "anthropic": Anthropic(),
    "google": Google(),
    "openai": OpenAI(),
    "simulator": MakeBelieve(),
    **{name: Compatible() for name in COMPATIBLE},
}
