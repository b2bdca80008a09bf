"""The database announces every change of an endpoint's health on the channel tollgate_health."""

from django.db import migrations

ANNOUNCE = """
CREATE FUNCTION catalog_announce_health() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tollgate_health', '');
    RETURN NULL;
END $$;

CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalog_endpointhealth
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_announce_health();
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_endpoint_health")]

    operations = [migrations.RunSQL(ANNOUNCE, "DROP FUNCTION catalog_announce_health() CASCADE")]
