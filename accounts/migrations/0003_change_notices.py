"""What only SQL can say: a key and its group have one type, and every change of what a key may do is announced.

The announcements are triggers, so it does not matter who makes the change. On the channel `tollgate_keys` the payload
is the digest of the one key that changed, in hexadecimal; an empty payload means that any key may have changed.
"""

from django.db import migrations

ONE_TYPE = """
ALTER TABLE accounts_apikey ADD CONSTRAINT accounts_apikey_type_of_group
    FOREIGN KEY (group_id, type) REFERENCES accounts_keygroup (id, type);
"""

MANY_TYPES = "ALTER TABLE accounts_apikey DROP CONSTRAINT accounts_apikey_type_of_group;"

NOTICES = """
CREATE FUNCTION accounts_announce_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        PERFORM pg_notify('tollgate_keys', encode(OLD.digest, 'hex'));
        -- Former secrets speak with this key's rights.
        PERFORM pg_notify('tollgate_keys', encode(digest, 'hex')) FROM accounts_apikey WHERE replaced_by_id = OLD.id;
    END IF;
    IF TG_OP IN ('UPDATE', 'INSERT') THEN
        PERFORM pg_notify('tollgate_keys', encode(NEW.digest, 'hex'));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION accounts_announce_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tollgate_keys', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER accounts_announce_key AFTER INSERT OR UPDATE OR DELETE ON accounts_apikey
    FOR EACH ROW EXECUTE FUNCTION accounts_announce_key();
CREATE TRIGGER accounts_announce_truncation AFTER TRUNCATE ON accounts_apikey
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_announce_all();

-- New rows of these have no keys yet, and old ones cannot go while they have some.
CREATE TRIGGER accounts_announce_change AFTER UPDATE ON accounts_organization
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION accounts_announce_all();
CREATE TRIGGER accounts_announce_change AFTER UPDATE ON accounts_plan
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION accounts_announce_all();
CREATE TRIGGER accounts_announce_change AFTER UPDATE ON accounts_keygroup
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION accounts_announce_all();
"""

SILENCE = """
DROP TRIGGER accounts_announce_change ON accounts_keygroup;
DROP TRIGGER accounts_announce_change ON accounts_plan;
DROP TRIGGER accounts_announce_change ON accounts_organization;
DROP TRIGGER accounts_announce_truncation ON accounts_apikey;
DROP TRIGGER accounts_announce_key ON accounts_apikey;
DROP FUNCTION accounts_announce_all();
DROP FUNCTION accounts_announce_key();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_plans")]

    operations = [migrations.RunSQL(ONE_TYPE, MANY_TYPES), migrations.RunSQL(NOTICES, SILENCE)]
