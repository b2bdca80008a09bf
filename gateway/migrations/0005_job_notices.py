"""Every change of a job's status is announced on the channel `tollgate_jobs`, with the job's id in hexadecimal: it wakes
the servers whose customers wait for the job, and the worker that is to stop."""

from django.db import migrations

NOTICES = """
CREATE FUNCTION gateway_announce_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tollgate_jobs', replace(NEW.id::text, '-', ''));
    RETURN NULL;
END
$$;

CREATE TRIGGER gateway_announce_job AFTER UPDATE ON gateway_job
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION gateway_announce_job();
"""

SILENCE = """
DROP TRIGGER gateway_announce_job ON gateway_job;
DROP FUNCTION gateway_announce_job();
"""


class Migration(migrations.Migration):
    dependencies = [("gateway", "0004_jobs")]

    operations = [migrations.RunSQL(NOTICES, SILENCE)]
