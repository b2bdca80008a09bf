-- Extend holds: set more aside for calls in flight, or (add_nusd = 0) only keep them alive.
--
-- Takes a JSON array, answers one row an item:
--   extended      more is set aside, and the hold lives for ttl_seconds from now at least
--   insufficient  the wallet is not active, has less available, or a cap of the key (as it was when the hold was
--                 placed) would be passed: then cap_period names it. The hold stays as it was
--   closed        there is no open hold with this id in this wallet
--   invalid       the item makes no sense
--
-- Lock order (README): wallets by id, then everything else, which is covered by its wallet's lock.

CREATE OR REPLACE FUNCTION billing_extend_batch(p_items json)
RETURNS TABLE (ordinal bigint, outcome text, balance_nusd bigint, held_nusd bigint, cap_period text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
    item record;
    wallet bigint := -1;   -- whose figures `held` are
    held bigint := 0;
    more bigint;           -- with what the batch has granted this key already
    e_ids uuid[] := '{}';  -- of the extended, with their
    e_wallets bigint[] := '{}';
    e_keys bigint[] := '{}';
    e_adds bigint[] := '{}';
    e_ttls integer[] := '{}';
BEGIN
    PERFORM FROM billing_wallet w
      WHERE w.organization_id IN (SELECT x.wallet_id FROM json_to_recordset(p_items) AS x (wallet_id bigint))
      ORDER BY w.organization_id FOR NO KEY UPDATE;
    moment := clock_timestamp();

    FOR item IN
        SELECT x.*, w.balance_nusd, w.held_nusd, w.status, h.key_id,
               h.daily_cap_nusd, h.monthly_cap_nusd, h.total_cap_nusd, h.state, h.wallet_id AS hold_wallet
          FROM ROWS FROM (json_to_recordset(p_items) AS (
                   id uuid, wallet_id bigint, add_nusd bigint, ttl_seconds integer
               )) WITH ORDINALITY AS x (id, wallet_id, add_nusd, ttl_seconds, ordinal)
          LEFT JOIN billing_wallet w ON w.organization_id = x.wallet_id
          LEFT JOIN billing_hold h ON h.id = x.id
         ORDER BY x.wallet_id, x.ordinal
    LOOP
        IF item.wallet_id IS DISTINCT FROM wallet THEN
            wallet := item.wallet_id;
            held := coalesce(item.held_nusd, 0);
        END IF;
        ordinal := item.ordinal;
        cap_period := NULL;
        IF NOT coalesce(item.add_nusd >= 0 AND item.ttl_seconds > 0, false) THEN
            outcome := 'invalid';
        ELSIF item.state IS DISTINCT FROM 'open' OR item.hold_wallet <> item.wallet_id THEN
            outcome := 'closed';
        ELSIF item.add_nusd = 0 THEN
            outcome := 'extended';
        ELSIF item.status <> 'active' OR item.balance_nusd - held < item.add_nusd THEN
            outcome := 'insufficient';
        ELSE
            IF coalesce(item.daily_cap_nusd, item.monthly_cap_nusd, item.total_cap_nusd) IS NOT NULL
               AND item.key_id IS NOT NULL THEN
                SELECT coalesce(sum(t.add_nusd), 0) + item.add_nusd INTO more
                  FROM unnest(e_keys, e_adds) AS t (key, add_nusd) WHERE t.key = item.key_id;
                SELECT CASE WHEN s.daily + more > item.daily_cap_nusd THEN 'daily'
                            WHEN s.monthly + more > item.monthly_cap_nusd THEN 'monthly'
                            WHEN s.total + more > item.total_cap_nusd THEN 'total' END
                  INTO cap_period
                  FROM billing_key_standing(wallet, item.key_id) s;
            END IF;
            outcome := CASE WHEN cap_period IS NULL THEN 'extended' ELSE 'insufficient' END;
        END IF;
        IF outcome = 'extended' THEN
            held := held + item.add_nusd;
            e_ids := array_append(e_ids, item.id);
            e_wallets := array_append(e_wallets, wallet);
            e_keys := array_append(e_keys, item.key_id);
            e_adds := array_append(e_adds, item.add_nusd);
            e_ttls := array_append(e_ttls, item.ttl_seconds);
        END IF;
        balance_nusd := coalesce(item.balance_nusd, 0);
        held_nusd := held;
        RETURN NEXT;
    END LOOP;

    UPDATE billing_wallet w SET held_nusd = w.held_nusd + s.add_nusd
      FROM (SELECT t.wallet, sum(t.add_nusd)::bigint AS add_nusd FROM unnest(e_wallets, e_adds) AS t (wallet, add_nusd)
             GROUP BY t.wallet) s
     WHERE w.organization_id = s.wallet AND s.add_nusd > 0;
    UPDATE billing_hold h
       SET amount_nusd = h.amount_nusd + s.add_nusd, heartbeat_at = moment,
           expires_at = greatest(h.expires_at, moment + s.ttl * interval '1 second')
      FROM (SELECT t.id, sum(t.add_nusd)::bigint AS add_nusd, max(t.ttl) AS ttl
              FROM unnest(e_ids, e_adds, e_ttls) AS t (id, add_nusd, ttl) GROUP BY t.id) s
     WHERE h.id = s.id;
END $$;

CREATE OR REPLACE FUNCTION billing_extend(p_items json)
RETURNS TABLE (ordinal bigint, outcome text, balance_nusd bigint, held_nusd bigint, cap_period text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET tollgate.writer = 'on' SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    item record;
BEGIN
    BEGIN
        RETURN QUERY SELECT * FROM billing_extend_batch(p_items);
        RETURN;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
        NULL;  -- one item is broken: find out which, and spare its neighbours
    END;
    PERFORM FROM billing_wallet w
      WHERE w.organization_id IN (SELECT billing_wallet_in(e.value) FROM json_array_elements(p_items) AS e)
      ORDER BY w.organization_id FOR NO KEY UPDATE;
    FOR item IN
        SELECT e.value, e.ordinal FROM json_array_elements(p_items) WITH ORDINALITY AS e (value, ordinal)
    LOOP
        BEGIN
            RETURN QUERY SELECT item.ordinal, v.outcome, v.balance_nusd, v.held_nusd, v.cap_period
                           FROM billing_extend_batch(json_build_array(item.value)) v;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
            RAISE WARNING 'billing_extend refused an item: %', SQLERRM;
            ordinal := item.ordinal;
            outcome := 'invalid';
            RETURN NEXT;
        END;
    END LOOP;
END $$;
