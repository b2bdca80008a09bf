"""Two duties that no Python code can skip: versions in force never change, and every change is announced.

The guards compare with `clock_timestamp()`, so a version is in force the moment its time has come, also within a long
transaction. Rates follow their version into the database, so a version may take on rates in the very transaction that
made it: `created_at` is set to that transaction's time here, whatever the writer said.
"""

from __future__ import annotations

from django.db import migrations

VERSION_GUARD = """
CREATE FUNCTION catalog_guard_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := transaction_timestamp();
        RETURN NEW;
    END IF;
    IF OLD.effective_from > clock_timestamp() THEN  -- only announced: may still be changed or withdrawn
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        NEW.created_at := OLD.created_at;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION '% % has been in force and stays', TG_TABLE_NAME, OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF to_jsonb(NEW) - 'effective_to' IS DISTINCT FROM to_jsonb(OLD) - 'effective_to' THEN
        RAISE EXCEPTION '% % has been in force: close it and open a new one', TG_TABLE_NAME, OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.effective_to IS DISTINCT FROM OLD.effective_to
        AND (OLD.effective_to <= clock_timestamp() OR NEW.effective_to < transaction_timestamp()) THEN
        RAISE EXCEPTION 'the past of % % cannot be changed', TG_TABLE_NAME, OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON catalog_priceversion
    FOR EACH ROW EXECUTE FUNCTION catalog_guard_version();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON catalog_suppliercost
    FOR EACH ROW EXECUTE FUNCTION catalog_guard_version();
"""

RATE_GUARD = """
CREATE FUNCTION catalog_guard_rate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    versions bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        versions := ARRAY[NEW.version_id];
    ELSIF TG_OP = 'DELETE' THEN
        versions := ARRAY[OLD.version_id];
    ELSE
        versions := ARRAY[OLD.version_id, NEW.version_id];
    END IF;
    IF EXISTS (
        SELECT FROM catalog_priceversion version
        WHERE version.id = ANY (versions)
            AND version.effective_from <= clock_timestamp()
            AND NOT (TG_OP = 'INSERT' AND version.created_at = transaction_timestamp())
    ) THEN
        RAISE EXCEPTION 'the prices of version % have been in force: close it and open a new one', versions[1]
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON catalog_pricerate
    FOR EACH ROW EXECUTE FUNCTION catalog_guard_rate();
"""

TABLES = ("provider", "aimodel", "endpoint", "priceversion", "pricerate", "suppliercost")

# Heard by every server worker, which then forgets its snapshot: catalog.routing.forget().
ANNOUNCE = """
CREATE FUNCTION catalog_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tollgate_catalog', TG_TABLE_NAME);
    RETURN NULL;
END $$;
""" + "".join(
    f"""
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON catalog_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_announce();
"""
    for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.RunSQL(VERSION_GUARD, "DROP FUNCTION catalog_guard_version() CASCADE"),
        migrations.RunSQL(RATE_GUARD, "DROP FUNCTION catalog_guard_rate() CASCADE"),
        migrations.RunSQL(ANNOUNCE, "DROP FUNCTION catalog_announce() CASCADE"),
    ]
