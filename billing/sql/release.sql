-- Free holds without charging. Release: released, closed (it was no longer open) or missing for each id. Expire: the
-- same for holds that nobody came back for; returns how many.
--
-- Only the hold knows its wallet, so it is read twice: to learn which wallets to lock, and again under their locks,
-- since it may have been settled, extended or released in between.

-- The open ones among these holds. Found by their ids alone: the index of open holds would be read from end to end.
CREATE OR REPLACE FUNCTION billing_still_open(p_ids uuid[], p_due_before timestamptz) RETURNS uuid[]
LANGUAGE sql AS $$
    SELECT coalesce(array_agg(f.id), '{}')
      FROM (SELECT h.id, h.state, h.expires_at FROM billing_hold h WHERE h.id = ANY (p_ids) OFFSET 0) f
     WHERE f.state = 'open' AND f.expires_at < p_due_before
$$;

CREATE OR REPLACE FUNCTION billing_lock_wallets_of(p_ids uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM billing_wallet w
      WHERE w.organization_id IN (SELECT h.wallet_id FROM billing_hold h WHERE h.id = ANY (p_ids))
      ORDER BY w.organization_id FOR NO KEY UPDATE;
END $$;

-- Closes holds that are open, under the locks of their wallets, and gives their money back.
CREATE OR REPLACE FUNCTION billing_close_holds(p_ids uuid[], p_state text, p_reason text) RETURNS void
LANGUAGE sql AS $$
    WITH closed AS (
        UPDATE billing_hold h SET state = p_state, reason = p_reason, closed_at = clock_timestamp()
         WHERE h.id = ANY (p_ids)
        RETURNING h.wallet_id, h.amount_nusd
    )
    UPDATE billing_wallet w
       SET held_nusd = w.held_nusd - s.amount,
           floor_nusd = greatest(w.floor_nusd, least(0, w.balance_nusd - w.held_nusd + s.amount))
      FROM (SELECT c.wallet_id, sum(c.amount_nusd)::bigint AS amount FROM closed c GROUP BY c.wallet_id) s
     WHERE w.organization_id = s.wallet_id
$$;

CREATE OR REPLACE FUNCTION billing_release(p_ids uuid[], p_reason text) RETURNS TABLE (id uuid, outcome text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET tollgate.writer = 'on' SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    open uuid[];
BEGIN
    PERFORM billing_lock_wallets_of(p_ids);
    open := billing_still_open(p_ids, 'infinity');
    PERFORM billing_close_holds(open, 'released', left(p_reason, 100));
    RETURN QUERY
        SELECT t.id, CASE WHEN t.id = ANY (open) THEN 'released' WHEN h.id IS NULL THEN 'missing' ELSE 'closed' END
          FROM unnest(p_ids) AS t (id) LEFT JOIN billing_hold h ON h.id = t.id;
END $$;

CREATE OR REPLACE FUNCTION billing_expire(p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET tollgate.writer = 'on' SET enable_seqscan = off SET jit = off AS $$
DECLARE
    due uuid[];
BEGIN
    SELECT array_agg(h.id) INTO due
      FROM (SELECT o.id FROM billing_hold o WHERE o.state = 'open' AND o.expires_at < clock_timestamp()
             ORDER BY o.expires_at LIMIT p_limit) h;
    IF due IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM billing_lock_wallets_of(due);
    due := billing_still_open(due, clock_timestamp());  -- a sign of life may have come while we waited
    PERFORM billing_close_holds(due, 'expired', '');
    RETURN cardinality(due);
END $$;

-- Forgets holds of calls that began before p_before and are closed; at most p_limit of them. Their usage records and
-- entries stay, and still make a second settlement a duplicate.
CREATE OR REPLACE FUNCTION billing_prune_holds(p_before timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET tollgate.writer = 'prune' SET enable_seqscan = off SET jit = off AS $$
DECLARE
    pruned integer;
BEGIN
    DELETE FROM billing_hold h
     WHERE h.id IN (SELECT o.id FROM billing_hold o
                     WHERE o.id < billing_first_id(least(p_before, clock_timestamp() - interval '1 day'))
                       AND o.state <> 'open'
                     ORDER BY o.id LIMIT p_limit);
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END $$;
