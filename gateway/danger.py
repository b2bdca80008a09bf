"""How dangerous a shell command is: rules that need no model, and that a model can only make stricter. Pure."""

from __future__ import annotations

import re

LEVELS = ("safe", "caution", "dangerous")

_BEGINS = r"(?:^|[|;&({`]|\$\(|\bsudo\s+(?:-\S+\s+)*|\bdo\s+|\bthen\s+|\bxargs\s+(?:-\S+\s+)*|-exec\s+)\s*"
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (level, re.compile(pattern, re.IGNORECASE), note)
    for level, pattern, note in (
        ("dangerous", r":\s*\(\s*\)\s*\{.*\|.*&.*\}", "Starts itself without end until the machine stops responding."),
        ("dangerous", _BEGINS + r"rm\s+(?:-\S+\s+)*-\S*[rf]", "Deletes without asking; nothing is kept."),
        ("dangerous", r"-delete\b|-exec\s+rm\b", "Deletes everything that is found; nothing is kept."),
        ("dangerous", _BEGINS + r"(?:mkfs|wipefs|fdisk|parted|shred|format)\b", "Destroys the contents of a disk."),
        ("dangerous", _BEGINS + r"dd\b.*\bof=", "Overwrites its target byte by byte."),
        ("dangerous", r">\s*/dev/(?:sd|nvme|disk|hd|mmcblk)", "Writes straight to a disk."),
        (
            "dangerous",
            r"\b(?:curl|wget|iwr|invoke-webrequest)\b.*\|\s*(?:sudo\s+)?(?:\S*/)?(?:ba|z|k|da)?sh\b|\biex\b",
            "Runs code from the network without a look at it.",
        ),
        ("dangerous", r"\bch(?:mod|own)\s+(?:-\S+\s+)*-\S*R", "Changes the rights of everything below."),
        ("dangerous", _BEGINS + r"(?:shutdown|reboot|halt|poweroff|init\s+[06])\b", "Stops the machine."),
        ("dangerous", r"\b(?:drop|truncate)\s+(?:table|database|schema)\b", "Destroys data in a database."),
        (
            "dangerous",
            r"\bgit\s+(?:push\b.*(?:--force|\s-f\b)|reset\s+--hard|clean\s+-\S*f)",
            "Discards work for good.",
        ),
        ("dangerous", _BEGINS + r"(?:kill|pkill|killall)\b.*(?:-9|-KILL)", "Ends processes before they can save."),
        ("dangerous", r"\b(?:iptables|nft)\b.*(?:-F|flush)|\bufw\s+(?:disable|reset)", "Opens or closes the network."),
        ("dangerous", _BEGINS + r"(?:userdel|passwd|visudo|crontab\s+-r)\b", "Changes who may do what here."),
        ("caution", _BEGINS + r"(?:rm|rmdir|unlink|del|remove-item)\b", "Deletes files."),
        ("caution", r"\bsudo\b|\bdoas\b", "Runs with the rights of the administrator."),
        ("caution", _BEGINS + r"(?:mv|cp|ln|chmod|chown|tee|truncate|rsync)\b", "Changes files."),
        ("caution", r"\bsed\b.*\s-\S*i", "Changes files in place."),
        ("caution", r"(?<![\d&>])>{1,2}\s*(?!/dev/null|&)\S", "Writes to a file."),
        ("caution", _BEGINS + r"(?:kill|pkill|killall|systemctl|service)\b", "Affects running programs."),
        (
            "caution",
            r"\b(?:apt|apt-get|yum|dnf|brew|pip3?|npm|gem|cargo)\s+(?:install|remove|purge|uninstall|upgrade)\b",
            "Changes what is installed.",
        ),
        ("caution", r"\bgit\s+(?:push|reset|rebase|checkout|clean|stash)\b", "Changes a repository."),
        ("caution", r"\b(?:delete\s+from|update\s+\S+\s+set|insert\s+into)\b", "Changes data in a database."),
    )
)


def danger_of(command: str, told: str, note: str) -> tuple[str, str]:
    """The level of a command and what can go wrong with it.

    `told` and `note` are the model's; an unknown word means "caution". Our rules raise the level, never lower it.
    """
    level = told if told in LEVELS else "caution" if told else "safe"
    ours, reason = next(((ours, reason) for ours, rule, reason in _RULES if rule.search(command)), ("safe", ""))
    if LEVELS.index(ours) > LEVELS.index(level):
        level, note = ours, f"{reason} {note}".strip() if note else reason
    return level, note or reason
