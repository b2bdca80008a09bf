"""The functions that move money, the guards that keep everybody else out, and how the tables are kept in shape."""

from django.db import migrations

from billing.sql.functions import install


def install_functions(apps, schema_editor):
    install(schema_editor)
    install(schema_editor, "storage")


MONTHS = """
SELECT billing_tend_partition('billing_usagerecord_rest');
SELECT billing_make_partition((now() AT TIME ZONE 'UTC' + m * interval '1 month')::date) FROM generate_series(-1, 3) AS m;
"""

DROP = """
DO $$
DECLARE f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS name FROM pg_proc p
              WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'billing\\_%' LOOP
        EXECUTE 'DROP FUNCTION IF EXISTS ' || f.name || ' CASCADE';
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_usage_record")]

    operations = [
        migrations.RunPython(install_functions, migrations.RunPython.noop),
        migrations.RunSQL(MONTHS, DROP),
    ]
