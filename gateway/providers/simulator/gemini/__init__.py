"""Google's Gemini API as the simulator hears and speaks it."""
