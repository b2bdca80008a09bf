"""Any plain OpenAI-compatible server (Ollama, vLLM, llama.cpp, a hosted one): one catalogue row, no code."""

from gateway.providers.base import Provider


class Compatible(Provider):
    """Nothing differs from the default."""
