-- Spend caps of keys. Days and months are UTC's. A key belongs to one wallet, so under the lock of that wallet nothing
-- of this can change.

-- What counts against the caps of a key: what it spent in each period, and with each what its open holds set aside.
CREATE OR REPLACE FUNCTION billing_key_standing(
    p_wallet bigint, p_key bigint, OUT daily bigint, OUT monthly bigint, OUT total bigint)
LANGUAGE plpgsql AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    held bigint;
BEGIN
    SELECT coalesce(sum(h.amount_nusd), 0) INTO held
      FROM billing_hold h WHERE h.wallet_id = p_wallet AND h.key_id = p_key AND h.state = 'open';
    SELECT CASE WHEN s.day >= today THEN s.day_nusd ELSE 0 END,
           CASE WHEN s.month >= date_trunc('month', today) THEN s.month_nusd ELSE 0 END,
           s.total_nusd
      INTO daily, monthly, total
      FROM billing_keyspend s WHERE s.key_id = p_key;
    daily := coalesce(daily, 0) + held;
    monthly := coalesce(monthly, 0) + held;
    total := coalesce(total, 0) + held;
END $$;

-- The first cap that `p_more` would pass, with what counts against it; no row when there is room under all of them.
CREATE OR REPLACE FUNCTION billing_cap_passed(
    p_daily bigint, p_monthly bigint, p_total bigint,
    p_daily_cap bigint, p_monthly_cap bigint, p_total_cap bigint, p_more bigint
) RETURNS TABLE (period text, limit_nusd bigint, spent_nusd bigint)
LANGUAGE sql IMMUTABLE AS $$
    SELECT c.period, c.cap, c.used
      FROM (VALUES (1, 'daily', p_daily_cap, p_daily), (2, 'monthly', p_monthly_cap, p_monthly),
                   (3, 'total', p_total_cap, p_total)) AS c (rank, period, cap, used)
     WHERE c.used + p_more > c.cap
     ORDER BY c.rank LIMIT 1
$$;
