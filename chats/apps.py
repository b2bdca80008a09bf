"""The app's configuration."""

from django.apps import AppConfig


class ChatsConfig(AppConfig):
    """What was said?"""

    name = "chats"
    verbose_name = "Chats"
