"""Anthropic's Messages as the simulator hears and speaks them."""
