-- What counts against the spend caps of a key: what it spent in each period (UTC's day and month, and ever), and in
-- each what its open holds set aside. A key belongs to one wallet: under that wallet's lock nothing of this can change.
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
