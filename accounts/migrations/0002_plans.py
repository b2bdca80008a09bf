"""The plans that every installation starts with. Operators may change them; nothing writes them again."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# slug, name, chat requests per minute, image requests per minute (empty: what was agreed with the customer)
PLANS = [
    ("free", "Free", 10, 5),
    ("standard", "Standard", 60, 20),
    ("popular", "Popular", 120, 40),  # 120 a minute is what spec 000 promises
    ("pro", "Pro", 300, 60),
    ("enterprise", "Enterprise", None, None),
]


def ship(apps: Apps, schema_editor: BaseDatabaseSchemaEditor | None) -> None:
    for position, (slug, name, chat_rpm, image_rpm) in enumerate(PLANS, start=1):
        apps.get_model("accounts", "Plan").objects.get_or_create(
            slug=slug, defaults={"name": name, "chat_rpm": chat_rpm, "image_rpm": image_rpm, "position": position}
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
