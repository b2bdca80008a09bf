-- The invariants of the books (billing/ledger.py says what each means): one row for every place where one does not
-- hold, at most p_limit of each. Reads only. What it says is consistent when it runs in one repeatable-read snapshot.
--
-- Usage records are dropped by the month, entries never: entries older than the oldest month are not missed.

CREATE OR REPLACE FUNCTION billing_audit(p_limit integer) RETURNS TABLE (invariant text, subject text, detail text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    horizon uuid := (SELECT billing_first_id(min(p.starts)::timestamp AT TIME ZONE 'UTC') FROM billing_partitions() p);
BEGIN
    RETURN QUERY
    SELECT 'I1', 'wallet ' || w.organization_id,
           format('balance %s, entries %s; bonus %s, entries %s',
                  w.balance_nusd, coalesce(e.delta, 0), w.bonus_nusd, coalesce(e.bonus, 0))
      FROM billing_wallet w
      LEFT JOIN (SELECT l.wallet_id, sum(l.delta_nusd) AS delta, sum(l.bonus_delta_nusd) AS bonus
                   FROM billing_ledgerentry l GROUP BY l.wallet_id) e ON e.wallet_id = w.organization_id
     WHERE w.balance_nusd <> coalesce(e.delta, 0) OR w.bonus_nusd <> coalesce(e.bonus, 0)
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I2', 'wallet ' || coalesce(w.organization_id, h.wallet_id),
           format('held %s, open holds %s', w.held_nusd, coalesce(h.amount, 0))
      FROM billing_wallet w
      FULL JOIN (SELECT o.wallet_id, sum(o.amount_nusd) AS amount
                   FROM billing_hold o WHERE o.state = 'open' GROUP BY o.wallet_id) h ON h.wallet_id = w.organization_id
     WHERE w.held_nusd IS DISTINCT FROM coalesce(h.amount, 0)
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I3', 'wallet ' || coalesce(w.organization_id, e.wallet_id),
           format('version %s, entries %s, last %s', w.version, coalesce(e.entries, 0), coalesce(e.last, 0))
      FROM billing_wallet w
      FULL JOIN (SELECT l.wallet_id, count(*) AS entries, max(l.seq) AS last
                   FROM billing_ledgerentry l GROUP BY l.wallet_id) e ON e.wallet_id = w.organization_id
     WHERE w.version IS DISTINCT FROM coalesce(e.entries, 0) OR w.version IS DISTINCT FROM coalesce(e.last, 0)
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I4', format('wallet %s entry %s', e.wallet_id, e.seq),
           format('%s before, %s moved, %s after', e.before, e.delta_nusd, e.balance_after_nusd)
      FROM (SELECT l.wallet_id, l.seq, l.delta_nusd, l.balance_after_nusd,
                   lag(l.balance_after_nusd, 1, 0::bigint) OVER (PARTITION BY l.wallet_id ORDER BY l.seq) AS before
              FROM billing_ledgerentry l) e
     WHERE e.balance_after_nusd <> e.before + e.delta_nusd
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I5', 'wallet ' || w.organization_id,
           format('balance %s, held %s, floor %s', w.balance_nusd, w.held_nusd, w.floor_nusd)
      FROM billing_wallet w
     WHERE w.balance_nusd - w.held_nusd < w.floor_nusd OR w.held_nusd < 0 OR w.floor_nusd > 0
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I6', 'call ' || u.id,
           format('charged %s to wallet %s, entry %s of wallet %s',
                  u.charged_nusd, u.wallet_id, e.delta_nusd, e.wallet_id)
      FROM billing_usagerecord u
      LEFT JOIN billing_ledgerentry e ON e.id = u.id AND e.kind = 'usage'
     WHERE (u.charged_nusd > 0 OR e.id IS NOT NULL)
       AND (e.id IS NULL OR e.wallet_id <> u.wallet_id OR -e.delta_nusd <> u.charged_nusd)
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I6', 'call ' || e.id, format('entry %s of wallet %s has no usage record', e.delta_nusd, e.wallet_id)
      FROM billing_ledgerentry e
      LEFT JOIN billing_usagerecord u ON u.id = e.id
     WHERE e.kind = 'usage' AND e.id >= horizon AND u.id IS NULL
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I7', 'hold ' || h.id, format('settled for %s, usage record %s', h.charged_nusd, u.charged_nusd)
      FROM billing_hold h
      LEFT JOIN billing_usagerecord u ON u.id = h.id
     WHERE h.state = 'settled' AND h.id >= horizon
       AND (u.id IS NULL OR u.wallet_id <> h.wallet_id OR u.charged_nusd <> h.charged_nusd)
     LIMIT p_limit;

    RETURN QUERY
    SELECT 'I8', 'wallet ' || w.organization_id, format('balance %s without a refund or a dispute', w.balance_nusd)
      FROM billing_wallet w
     WHERE w.balance_nusd < 0
       AND NOT EXISTS (SELECT FROM billing_ledgerentry e
                        WHERE e.wallet_id = w.organization_id AND e.kind IN ('refund', 'dispute'))
     LIMIT p_limit;
END $$;
