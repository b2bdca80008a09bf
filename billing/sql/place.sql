-- Place holds: set money aside for calls that are about to run.
--
-- Takes a JSON array, answers one row an item:
--   placed        the money is set aside
--   duplicate     there is a hold with this id already; nothing moved
--   insufficient  balance - held is less than the amount (or there is no wallet)
--   frozen        the wallet is not active
--   capped        a spend cap of the key would be passed; which, how high, how much of it is spent or set aside
--   invalid       the item makes no sense; nothing moved
-- balance_nusd and held_nusd are the wallet's after the item.
--
-- Lock order (README): wallets by id, then everything else, which is covered by its wallet's lock.

CREATE OR REPLACE FUNCTION billing_place_batch(p_items json)
RETURNS TABLE (ordinal bigint, outcome text, balance_nusd bigint, held_nusd bigint,
               cap_period text, cap_limit_nusd bigint, cap_spent_nusd bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
    earliest uuid;
    latest uuid;
    item record;
    wallet bigint := -1;          -- whose figures `held` are
    held bigint := 0;
    pending bigint;
    standing record;
    is_placed boolean[] := '{}';  -- by ordinal
    p_ids uuid[] := '{}';         -- of the placed, with their
    p_wallets bigint[] := '{}';
    p_keys bigint[] := '{}';
    p_amounts bigint[] := '{}';
    slot integer;
    c_keys bigint[] := '{}';      -- the keys under a cap, with what counts against it
    c_daily bigint[] := '{}';
    c_monthly bigint[] := '{}';
    c_total bigint[] := '{}';
BEGIN
    PERFORM FROM billing_wallet w
      WHERE w.organization_id IN (SELECT x.wallet_id FROM json_to_recordset(p_items) AS x (wallet_id bigint))
      ORDER BY w.organization_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    earliest := billing_first_id(moment - interval '1 day');
    latest := billing_first_id(moment + interval '1 day');

    FOR item IN
        SELECT x.*, w.balance_nusd, w.held_nusd, w.status, h.id AS known
          FROM ROWS FROM (json_to_recordset(p_items) AS (
                   id uuid, wallet_id bigint, key_id bigint, amount_nusd bigint, ttl_seconds integer,
                   daily_cap_nusd bigint, monthly_cap_nusd bigint, total_cap_nusd bigint
               )) WITH ORDINALITY AS x (id, wallet_id, key_id, amount_nusd, ttl_seconds,
                                        daily_cap_nusd, monthly_cap_nusd, total_cap_nusd, ordinal)
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
        cap_limit_nusd := NULL;
        cap_spent_nusd := NULL;
        IF NOT coalesce(item.id >= earliest AND item.id < latest AND item.wallet_id IS NOT NULL
                        AND item.amount_nusd > 0 AND item.ttl_seconds > 0, false) THEN
            outcome := 'invalid';
        ELSIF item.known IS NOT NULL OR item.id = ANY (p_ids) THEN
            outcome := 'duplicate';
        ELSIF item.status <> 'active' THEN
            outcome := 'frozen';
        ELSE
            IF coalesce(item.daily_cap_nusd, item.monthly_cap_nusd, item.total_cap_nusd) IS NOT NULL
               AND item.key_id IS NOT NULL THEN
                slot := array_position(c_keys, item.key_id);
                IF slot IS NULL THEN
                    SELECT * INTO standing FROM billing_key_standing(wallet, item.key_id);
                    SELECT coalesce(sum(t.amount), 0) INTO pending
                      FROM unnest(p_keys, p_amounts) AS t (key, amount) WHERE t.key = item.key_id;
                    c_keys := array_append(c_keys, item.key_id);
                    c_daily := array_append(c_daily, standing.daily + pending);
                    c_monthly := array_append(c_monthly, standing.monthly + pending);
                    c_total := array_append(c_total, standing.total + pending);
                    slot := cardinality(c_keys);
                END IF;
                IF c_daily[slot] + item.amount_nusd > item.daily_cap_nusd THEN
                    cap_period := 'daily';
                    cap_limit_nusd := item.daily_cap_nusd;
                    cap_spent_nusd := c_daily[slot];
                ELSIF c_monthly[slot] + item.amount_nusd > item.monthly_cap_nusd THEN
                    cap_period := 'monthly';
                    cap_limit_nusd := item.monthly_cap_nusd;
                    cap_spent_nusd := c_monthly[slot];
                ELSIF c_total[slot] + item.amount_nusd > item.total_cap_nusd THEN
                    cap_period := 'total';
                    cap_limit_nusd := item.total_cap_nusd;
                    cap_spent_nusd := c_total[slot];
                END IF;
            END IF;
            outcome := CASE WHEN cap_period IS NOT NULL THEN 'capped'
                            WHEN item.balance_nusd - held >= item.amount_nusd THEN 'placed'
                            ELSE 'insufficient' END;
        END IF;
        IF outcome = 'placed' THEN
            held := held + item.amount_nusd;
            is_placed[item.ordinal] := true;
            p_ids := array_append(p_ids, item.id);
            p_wallets := array_append(p_wallets, wallet);
            p_keys := array_append(p_keys, item.key_id);
            p_amounts := array_append(p_amounts, item.amount_nusd);
            slot := array_position(c_keys, item.key_id);
            IF slot IS NOT NULL THEN
                c_daily[slot] := c_daily[slot] + item.amount_nusd;
                c_monthly[slot] := c_monthly[slot] + item.amount_nusd;
                c_total[slot] := c_total[slot] + item.amount_nusd;
            END IF;
        END IF;
        balance_nusd := coalesce(item.balance_nusd, 0);
        held_nusd := held;
        RETURN NEXT;
    END LOOP;

    INSERT INTO billing_hold (id, wallet_id, key_id, kind, amount_nusd, state, price_version_id,
                              daily_cap_nusd, monthly_cap_nusd, total_cap_nusd,
                              reason, created_at, heartbeat_at, expires_at)
    SELECT x.id, x.wallet_id, x.key_id, x.kind, x.amount_nusd, 'open', x.price_version_id,
           x.daily_cap_nusd, x.monthly_cap_nusd, x.total_cap_nusd,
           '', moment, moment, moment + x.ttl_seconds * interval '1 second'
      FROM ROWS FROM (json_to_recordset(p_items) AS (
               id uuid, wallet_id bigint, key_id bigint, kind text, amount_nusd bigint, ttl_seconds integer,
               price_version_id bigint, daily_cap_nusd bigint, monthly_cap_nusd bigint, total_cap_nusd bigint
           )) WITH ORDINALITY AS x (id, wallet_id, key_id, kind, amount_nusd, ttl_seconds,
                                    price_version_id, daily_cap_nusd, monthly_cap_nusd, total_cap_nusd, ordinal)
     WHERE is_placed[x.ordinal]
     ORDER BY x.id;
    UPDATE billing_wallet w SET held_nusd = w.held_nusd + s.amount
      FROM (SELECT t.wallet, sum(t.amount)::bigint AS amount FROM unnest(p_wallets, p_amounts) AS t (wallet, amount)
             GROUP BY t.wallet) s
     WHERE w.organization_id = s.wallet;
END $$;

CREATE OR REPLACE FUNCTION billing_place(p_items json)
RETURNS TABLE (ordinal bigint, outcome text, balance_nusd bigint, held_nusd bigint,
               cap_period text, cap_limit_nusd bigint, cap_spent_nusd bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET tollgate.writer = 'on' SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    item record;
BEGIN
    BEGIN
        RETURN QUERY SELECT * FROM billing_place_batch(p_items);
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
            RETURN QUERY SELECT item.ordinal, v.outcome, v.balance_nusd, v.held_nusd,
                                v.cap_period, v.cap_limit_nusd, v.cap_spent_nusd
                           FROM billing_place_batch(json_build_array(item.value)) v;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
            RAISE WARNING 'billing_place refused an item: %', SQLERRM;
            ordinal := item.ordinal;
            outcome := 'invalid';
            RETURN NEXT;
        END;
    END LOOP;
END $$;
