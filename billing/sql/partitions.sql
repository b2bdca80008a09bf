-- Months of usage records: made ahead of time, dropped when their time is over.

-- Makes the partition of one month; false when it exists. The table is filled apart and then attached, because that
-- disturbs no call in flight; whoever blocks it for longer than the lock time-out is not waited for: try again later.
CREATE OR REPLACE FUNCTION billing_make_partition(p_month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    first_day date := date_trunc('month', p_month)::date;
    starts timestamptz := first_day::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC';
    partition text := 'billing_usagerecord_' || to_char(first_day, 'YYYY_MM');
    strays boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('billing_make_partition'));  -- one at a time
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE billing_usagerecord INCLUDING ALL)', partition);
    SELECT EXISTS (SELECT FROM billing_usagerecord_rest r WHERE r.started_at >= starts AND r.started_at < ends)
      INTO strays;
    IF strays THEN
        DROP TRIGGER append_only ON billing_usagerecord_rest;
        ALTER TABLE billing_usagerecord DETACH PARTITION billing_usagerecord_rest;
        EXECUTE format(
            'WITH moved AS (DELETE FROM billing_usagerecord_rest WHERE started_at >= %L AND started_at < %L RETURNING *)
             INSERT INTO %I SELECT * FROM moved', starts, ends, partition);
    END IF;
    EXECUTE format('ALTER TABLE billing_usagerecord ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   partition, starts, ends);
    IF strays THEN
        ALTER TABLE billing_usagerecord ATTACH PARTITION billing_usagerecord_rest DEFAULT;
        PERFORM billing_tend_partition('billing_usagerecord_rest');
    END IF;
    PERFORM billing_tend_partition(partition);
    RETURN true;
END $$;

-- What a partition does not inherit: the guards that fire once a statement, and when to be vacuumed.
CREATE OR REPLACE FUNCTION billing_tend_partition(p_partition text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER writers_only BEFORE INSERT ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION billing_admit_writer(''on'')', p_partition);
    EXECUTE format('CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse(''usage records are final'')', p_partition);
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_scale_factor = 0.1,
                                        autovacuum_analyze_scale_factor = 0.05)', p_partition);
END $$;

-- Drops the months that ended before p_before; returns how many. What lies in the rest partition stays.
CREATE OR REPLACE FUNCTION billing_drop_partitions(p_before date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    partition record;
    dropped integer := 0;
BEGIN
    FOR partition IN SELECT p.name FROM billing_partitions() p WHERE p.ends <= p_before LOOP
        EXECUTE format('DROP TABLE %I', partition.name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

-- The months that exist, in order.
CREATE OR REPLACE FUNCTION billing_partitions() RETURNS TABLE (name text, starts date, ends date)
LANGUAGE sql STABLE AS $$
    SELECT c.relname::text, m.starts, (m.starts + interval '1 month')::date
      FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid
     CROSS JOIN LATERAL (SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS starts) m
     WHERE i.inhparent = 'billing_usagerecord'::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
     ORDER BY m.starts
$$;
