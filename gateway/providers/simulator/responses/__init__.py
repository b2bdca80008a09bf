"""OpenAI's Responses as the simulator hears and speaks them."""
