-- Settle calls: close their holds, take what they cost, and write one usage record each, in one transaction.
--
-- Takes a JSON array, answers one row an item:
--   settled    charged in full
--   released   the cost was 0: the hold is free again, the record says why
--   late       there was no open hold (lost, expired or released); charged from what was available
--   shortfall  the wallet did not have the whole cost; the rest is ours to bear
--   duplicate  it was settled before; charged_nusd is what was charged then
--   invalid    the item makes no sense (or names another wallet than its hold); nothing moved
-- A call is charged from its own hold and from what nobody else holds, never below zero.
--
-- Lock order (README): wallets by id, then everything else, which is covered by its wallet's lock.

CREATE OR REPLACE FUNCTION billing_settle_batch(p_items json)
RETURNS TABLE (ordinal bigint, outcome text, charged_nusd bigint, balance_nusd bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    moment timestamptz;
    today date;
    latest uuid;
    item record;
    wallet bigint := -1;       -- whose figures these are, as the items before left them:
    balance bigint := 0;
    held bigint := 0;
    bonus bigint := 0;
    version bigint := 0;
    freed bigint;
    charged bigint;
    from_bonus bigint;
    was_late boolean;
    charges bigint[] := '{}';  -- by ordinal; null = write nothing
    late boolean[] := '{}';    -- by ordinal
    -- one element an item that was written:
    w_ids uuid[] := '{}';
    w_wallets bigint[] := '{}';
    w_states text[] := '{}';   -- how the hold ends
    w_held boolean[] := '{}';  -- whether there is one
    w_keys bigint[] := '{}';
    w_freed bigint[] := '{}';
    w_charged bigint[] := '{}';
    w_bonus bigint[] := '{}';
    w_seq bigint[] := '{}';
    w_after bigint[] := '{}';
BEGIN
    PERFORM FROM billing_wallet w
      WHERE w.organization_id IN (SELECT x.wallet_id FROM json_to_recordset(p_items) AS x (wallet_id bigint))
      ORDER BY w.organization_id FOR NO KEY UPDATE;
    moment := clock_timestamp();
    today := (moment AT TIME ZONE 'UTC')::date;
    latest := billing_first_id(moment + interval '1 day');

    FOR item IN
        SELECT x.*, w.balance_nusd, w.held_nusd, w.bonus_nusd, w.version,
               h.state, h.amount_nusd, h.wallet_id AS hold_wallet
          FROM ROWS FROM (json_to_recordset(p_items) AS (
                   id uuid, wallet_id bigint, key_id bigint, cost_nusd bigint
               )) WITH ORDINALITY AS x (id, wallet_id, key_id, cost_nusd, ordinal)
          LEFT JOIN billing_wallet w ON w.organization_id = x.wallet_id
          LEFT JOIN billing_hold h ON h.id = x.id
         ORDER BY x.wallet_id, x.ordinal
    LOOP
        IF item.wallet_id IS DISTINCT FROM wallet THEN
            wallet := item.wallet_id;
            balance := item.balance_nusd;
            held := item.held_nusd;
            bonus := item.bonus_nusd;
            version := item.version;
        END IF;
        ordinal := item.ordinal;
        charged_nusd := 0;
        balance_nusd := coalesce(balance, 0);
        IF NOT coalesce(item.id < latest AND item.cost_nusd >= 0 AND balance IS NOT NULL
                        AND coalesce(item.hold_wallet = wallet, true), false) THEN
            outcome := 'invalid';
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF item.id = ANY (w_ids) THEN
            outcome := 'duplicate';
            charged_nusd := w_charged[array_position(w_ids, item.id)];
            RETURN NEXT;
            CONTINUE;
        END IF;
        freed := CASE WHEN item.state = 'open' THEN item.amount_nusd ELSE 0 END;
        was_late := item.state IS DISTINCT FROM 'open';
        IF was_late THEN
            SELECT u.charged_nusd INTO charged
              FROM billing_usagerecord u WHERE u.id = item.id AND u.started_at = billing_started_at(item.id);
            IF FOUND THEN
                outcome := 'duplicate';
                charged_nusd := charged;
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;

        charged := least(item.cost_nusd, freed + greatest(balance - held, 0));
        from_bonus := least(bonus, charged);
        held := held - freed;
        balance := balance - charged;
        bonus := bonus - from_bonus;
        IF charged > 0 THEN
            version := version + 1;
        END IF;
        outcome := CASE WHEN charged < item.cost_nusd THEN 'shortfall'
                        WHEN was_late THEN 'late'
                        WHEN item.cost_nusd = 0 THEN 'released'
                        ELSE 'settled' END;
        charged_nusd := charged;
        balance_nusd := balance;
        RETURN NEXT;

        charges[item.ordinal] := charged;
        late[item.ordinal] := was_late;
        w_ids := array_append(w_ids, item.id);
        w_wallets := array_append(w_wallets, wallet);
        w_states := array_append(w_states, CASE WHEN item.cost_nusd > 0 THEN 'settled' ELSE 'released' END);
        w_held := array_append(w_held, item.state IS NOT NULL);
        w_keys := array_append(w_keys, item.key_id);
        w_freed := array_append(w_freed, freed);
        w_charged := array_append(w_charged, charged);
        w_bonus := array_append(w_bonus, from_bonus);
        w_seq := array_append(w_seq, version);
        w_after := array_append(w_after, balance);
    END LOOP;

    UPDATE billing_wallet w
       SET balance_nusd = w.balance_nusd - s.charged, held_nusd = w.held_nusd - s.freed,
           bonus_nusd = w.bonus_nusd - s.bonus, version = w.version + s.entries,
           floor_nusd = greatest(w.floor_nusd, least(0, w.balance_nusd - s.charged - w.held_nusd + s.freed))
      FROM (SELECT t.wallet, sum(t.charged)::bigint AS charged, sum(t.freed)::bigint AS freed,
                   sum(t.bonus)::bigint AS bonus, count(*) FILTER (WHERE t.charged > 0) AS entries
              FROM unnest(w_wallets, w_charged, w_freed, w_bonus) AS t (wallet, charged, freed, bonus)
             GROUP BY t.wallet) s
     WHERE w.organization_id = s.wallet;
    UPDATE billing_hold h
       SET state = t.state, charged_nusd = CASE WHEN t.state = 'settled' THEN t.charged END, closed_at = moment
      FROM unnest(w_ids, w_states, w_freed, w_charged) AS t (id, state, freed, charged)
     WHERE h.id = t.id AND t.freed > 0;
    -- A settlement may overtake its own placement (the customer left while it queued). Leave a closed hold, so that
    -- the straggler finds itself to be a duplicate instead of locking money that nobody will ever free.
    IF NOT true = ALL (w_held) THEN
        INSERT INTO billing_hold (id, wallet_id, key_id, kind, amount_nusd, state, charged_nusd, reason,
                                  created_at, heartbeat_at, expires_at, closed_at)
        SELECT t.id, t.wallet, t.key, 'call', 0, t.state, CASE WHEN t.state = 'settled' THEN t.charged END,
               'settled without a hold', moment, moment, moment, moment
          FROM unnest(w_ids, w_wallets, w_keys, w_states, w_held, w_charged)
               AS t (id, wallet, key, state, held, charged)
         WHERE NOT t.held
         ORDER BY t.id;
    END IF;
    INSERT INTO billing_ledgerentry (id, wallet_id, seq, kind, contra, delta_nusd, bonus_delta_nusd,
                                     balance_after_nusd, reference, actor, reason, created_at)
    SELECT t.id, t.wallet, t.seq, 'usage', 'revenue:usage', -t.charged, -t.bonus, t.after, '', '', '', moment
      FROM unnest(w_ids, w_wallets, w_seq, w_charged, w_bonus, w_after)
           AS t (id, wallet, seq, charged, bonus, after)
     WHERE t.charged > 0;
    INSERT INTO billing_keyspend AS k (key_id, day, day_nusd, month, month_nusd, total_nusd)
    SELECT t.key, today, sum(t.charged), date_trunc('month', today), sum(t.charged), sum(t.charged)
      FROM unnest(w_keys, w_charged) AS t (key, charged)
     WHERE t.key IS NOT NULL AND t.charged > 0
     GROUP BY t.key
     ORDER BY t.key
        ON CONFLICT (key_id) DO UPDATE SET
           day_nusd = excluded.day_nusd + CASE WHEN k.day >= excluded.day THEN k.day_nusd ELSE 0 END,
           day = greatest(k.day, excluded.day),
           month_nusd = excluded.month_nusd + CASE WHEN k.month >= excluded.month THEN k.month_nusd ELSE 0 END,
           month = greatest(k.month, excluded.month),
           total_nusd = k.total_nusd + excluded.total_nusd;
    INSERT INTO billing_usagerecord (
        id, started_at, finished_at, wallet_id, key_id, user_id, model_id, endpoint_id,
        price_version_id, supplier_cost_version_id, exact_cost, cost_nusd, charged_nusd, supplier_cost, rise, seconds,
        input_tokens, cached_input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens,
        reasoning_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, image_output_tokens,
        images, characters, first_byte_ms, duration_ms, status, streamed, is_late,
        model, provider, surface, operation, usage_source, outcome, finish, error_code, attempts, detail)
    SELECT
        x.id, billing_started_at(x.id), moment, x.wallet_id, x.key_id, x.user_id, x.model_id, x.endpoint_id,
        x.price_version_id, x.supplier_cost_version_id, x.exact_cost, x.cost_nusd, charges[x.ordinal],
        x.supplier_cost, x.rise, x.seconds,
        x.input_tokens, x.cached_input_tokens, x.cache_write_5m_tokens, x.cache_write_1h_tokens, x.output_tokens,
        x.reasoning_tokens, x.audio_input_tokens, x.audio_output_tokens, x.image_input_tokens, x.image_output_tokens,
        x.images, x.characters, x.first_byte_ms, x.duration_ms, x.status, x.streamed, late[x.ordinal],
        x.model, x.provider, x.surface, x.operation, x.usage_source, x.outcome, x.finish, x.error_code,
        x.attempts, x.detail
      FROM ROWS FROM (json_to_recordset(p_items) AS (
               id uuid, wallet_id bigint, key_id bigint, user_id bigint, model_id bigint, endpoint_id bigint,
               price_version_id bigint, supplier_cost_version_id bigint, exact_cost numeric, cost_nusd bigint,
               supplier_cost numeric, rise numeric, seconds numeric, input_tokens integer,
               cached_input_tokens integer, cache_write_5m_tokens integer, cache_write_1h_tokens integer,
               output_tokens integer, reasoning_tokens integer, audio_input_tokens integer,
               audio_output_tokens integer, image_input_tokens integer, image_output_tokens integer,
               images integer, characters integer, first_byte_ms integer, duration_ms integer, status smallint,
               streamed boolean, model text, provider text, surface text, operation text, usage_source text,
               outcome text, finish text, error_code text, attempts jsonb, detail jsonb
           )) WITH ORDINALITY AS x (
               id, wallet_id, key_id, user_id, model_id, endpoint_id, price_version_id, supplier_cost_version_id,
               exact_cost, cost_nusd, supplier_cost, rise, seconds, input_tokens, cached_input_tokens,
               cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens,
               audio_output_tokens, image_input_tokens, image_output_tokens, images, characters, first_byte_ms,
               duration_ms, status, streamed, model, provider, surface, operation, usage_source, outcome, finish,
               error_code, attempts, detail, ordinal)
     WHERE charges[x.ordinal] IS NOT NULL
     ORDER BY x.id;
END $$;

CREATE OR REPLACE FUNCTION billing_settle(p_items json)
RETURNS TABLE (ordinal bigint, outcome text, charged_nusd bigint, balance_nusd bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET tollgate.writer = 'on' SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    item record;
BEGIN
    BEGIN
        RETURN QUERY SELECT * FROM billing_settle_batch(p_items);
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
            RETURN QUERY SELECT item.ordinal, v.outcome, v.charged_nusd, v.balance_nusd
                           FROM billing_settle_batch(json_build_array(item.value)) v;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
            RAISE WARNING 'billing_settle refused an item: %', SQLERRM;
            ordinal := item.ordinal;
            outcome := 'invalid';
            RETURN NEXT;
        END;
    END LOOP;
END $$;
