"""Everything that the native API serves."""

from __future__ import annotations

from gateway.api.native import account, catalogue, chat, chat_jobs, chat_messages, chats, commands

ENTRIES = [
    *chat.ENTRIES,
    *chat_jobs.ENTRIES,
    *chats.ENTRIES,
    *chat_messages.ENTRIES,
    *catalogue.ENTRIES,
    *account.ENTRIES,
    *commands.ENTRIES,
]
