-- Open wallets, post what is not usage, freeze and thaw.

CREATE OR REPLACE FUNCTION billing_open(p_wallet bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET tollgate.writer = 'on' AS $$
    INSERT INTO billing_wallet (organization_id, balance_nusd, held_nusd, bonus_nusd, floor_nusd, version, status,
                                frozen_for, epoch)
    VALUES (p_wallet, 0, 0, 0, 0, 0, 'active', '', 0)
    ON CONFLICT (organization_id) DO NOTHING
$$;

-- Post entries: a JSON array of {wallet_id, kind, contra, delta_nusd, key, reference, actor, reason} in, one row an
-- item out, and all in one transaction:
--   posted        with the entry's id
--   duplicate     the key was posted before with the same wallet, kind and amount; nothing moved
--   conflict      the key names another posting; nothing moved
--   insufficient  only a refund or a dispute may take what is not there, and an expiry only what was given
--   missing       there is no such wallet
-- A refund or a dispute may leave a debt: then the wallet is frozen until a later posting covers it. What was given
-- (promo) is kept apart in bonus_nusd, is spent first and can expire.
--
-- Lock order (README): wallets by id, then everything else, which is covered by its wallet's lock.
CREATE OR REPLACE FUNCTION billing_post(p_items json)
RETURNS TABLE (key text, outcome text, entry uuid, balance_nusd bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET tollgate.writer = 'on' SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    item record;
    known record;
    wallet billing_wallet;
    after bigint;
    bonus_delta bigint;
BEGIN
    PERFORM FROM billing_wallet w
      WHERE w.organization_id IN (SELECT x.wallet_id FROM json_to_recordset(p_items) AS x (wallet_id bigint))
      ORDER BY w.organization_id FOR NO KEY UPDATE;
    FOR item IN
        SELECT x.* FROM json_to_recordset(p_items) AS x (
            wallet_id bigint, kind text, contra text, delta_nusd bigint, key text,
            reference text, actor text, reason text)
    LOOP
        key := item.key;
        entry := NULL;
        SELECT w.* INTO wallet FROM billing_wallet w WHERE w.organization_id = item.wallet_id;
        balance_nusd := coalesce(wallet.balance_nusd, 0);
        SELECT e.* INTO known FROM billing_ledgerentry e WHERE e.key = item.key;
        IF FOUND THEN
            entry := known.id;
            outcome := CASE WHEN (known.wallet_id, known.kind, known.delta_nusd)
                                 IS NOT DISTINCT FROM (item.wallet_id, item.kind, item.delta_nusd)
                            THEN 'duplicate' ELSE 'conflict' END;
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF wallet.organization_id IS NULL THEN
            outcome := 'missing';
            RETURN NEXT;
            CONTINUE;
        END IF;
        after := wallet.balance_nusd + item.delta_nusd;
        IF item.delta_nusd < 0 AND (
               (item.kind NOT IN ('refund', 'dispute') AND after < wallet.held_nusd)
               OR (item.kind = 'expiry' AND wallet.bonus_nusd + item.delta_nusd < 0)) THEN
            outcome := 'insufficient';
            RETURN NEXT;
            CONTINUE;
        END IF;
        bonus_delta := CASE WHEN item.kind IN ('promo', 'expiry') THEN item.delta_nusd ELSE 0 END;
        UPDATE billing_wallet w
           SET balance_nusd = after,
               bonus_nusd = w.bonus_nusd + bonus_delta,
               version = w.version + 1,
               epoch = w.epoch + (item.kind = 'topup')::integer,
               -- As deep as this posting pushes what is available, and not deeper.
               floor_nusd = least(0, after - w.held_nusd),
               status = CASE WHEN w.status = 'active' AND after < 0 THEN 'frozen'
                             WHEN w.status = 'frozen' AND w.frozen_for = 'debt' AND after >= 0 THEN 'active'
                             ELSE w.status END,
               frozen_for = CASE WHEN w.status = 'active' AND after < 0 THEN 'debt'
                                 WHEN w.frozen_for = 'debt' AND after >= 0 THEN ''
                                 ELSE w.frozen_for END
         WHERE w.organization_id = wallet.organization_id;
        entry := gen_random_uuid();
        INSERT INTO billing_ledgerentry (id, wallet_id, seq, kind, contra, delta_nusd, bonus_delta_nusd,
                                         balance_after_nusd, key, reference, actor, reason, created_at)
        VALUES (entry, wallet.organization_id, wallet.version + 1, item.kind, item.contra, item.delta_nusd, bonus_delta,
                after, item.key, coalesce(item.reference, ''), coalesce(item.actor, ''), coalesce(item.reason, ''),
                clock_timestamp());
        outcome := 'posted';
        balance_nusd := after;
        RETURN NEXT;
    END LOOP;
END $$;

-- Freeze or thaw by hand. A frozen wallet places no holds; what is in flight still settles.
CREATE OR REPLACE FUNCTION billing_mark(p_wallet bigint, p_status text, p_reason text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp SET tollgate.writer = 'on' AS $$
    UPDATE billing_wallet w
       SET status = p_status, frozen_for = CASE WHEN p_status = 'active' THEN '' ELSE left(p_reason, 100) END
     WHERE w.organization_id = p_wallet
    RETURNING true
$$;
