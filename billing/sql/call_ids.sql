-- A call's id is a UUIDv7: its first 48 bits are the milliseconds since 1970 at which the call began.

CREATE OR REPLACE FUNCTION billing_started_at(p_id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT timestamptz '1970-01-01 00:00:00+00'
           + ('x' || left(replace(p_id::text, '-', ''), 12))::bit(48)::bigint * interval '1 millisecond'
$$;

-- The smallest id that a call can have which began at this moment.
CREATE OR REPLACE FUNCTION billing_first_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- The wallet that an item names, whatever is wrong with the rest of it.
CREATE OR REPLACE FUNCTION billing_wallet_in(p_item json) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_item ->> 'wallet_id' ~ '^[0-9]{1,18}$' THEN (p_item ->> 'wallet_id')::bigint END
$$;
