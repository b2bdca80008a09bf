-- What keeps a wrong write out of the books, whoever writes: Django, the admin, a script or psql.
--
-- 1. Writers: rows change only while tollgate.writer is on, and only the functions of this folder turn it on, for as
--    long as they run.
-- 2. History: entries and usage records never change; a closed hold never changes; nothing is truncated.
-- 3. Chain: at the end of every transaction the last entry of a wallet is its version and its balance, and every
--    entry continues the one before it. This holds even for a writer who turned the switch on by hand.
--
-- Most of this fires once a statement, so that a batch pays for it once. A write straight into a partition, which a
-- statement trigger of the whole table does not see, is guarded in the same way by billing_tend_partition.

CREATE OR REPLACE FUNCTION billing_refuse() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the books refuse % on %', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation',
              HINT = coalesce(TG_ARGV[0], 'money moves through the billing functions only');
END $$;

CREATE OR REPLACE FUNCTION billing_admit_writer() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tollgate.writer', true) IS DISTINCT FROM TG_ARGV[0] THEN
        RAISE EXCEPTION 'the books refuse % on %', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', HINT = 'money moves through the billing functions only';
    END IF;
    RETURN NULL;
END $$;

-- 1. Writers. The threshold of the low-balance warning is no money: billing_wallet.low_balance_nusd is free to change.
CREATE OR REPLACE TRIGGER writers_only BEFORE INSERT OR UPDATE OF
    organization_id, balance_nusd, held_nusd, bonus_nusd, floor_nusd, version, status, frozen_for, epoch
    ON billing_wallet FOR EACH STATEMENT EXECUTE FUNCTION billing_admit_writer('on');
CREATE OR REPLACE TRIGGER writers_only BEFORE INSERT OR UPDATE ON billing_hold
    FOR EACH STATEMENT EXECUTE FUNCTION billing_admit_writer('on');
CREATE OR REPLACE TRIGGER writers_only BEFORE INSERT ON billing_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION billing_admit_writer('on');
CREATE OR REPLACE TRIGGER writers_only BEFORE INSERT ON billing_usagerecord
    FOR EACH STATEMENT EXECUTE FUNCTION billing_admit_writer('on');
CREATE OR REPLACE TRIGGER writers_only BEFORE INSERT OR UPDATE ON billing_keyspend
    FOR EACH STATEMENT EXECUTE FUNCTION billing_admit_writer('on');

-- 2. History
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse('entries are final: post another one');
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_usagerecord
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse('usage records are final');
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON billing_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse('a wallet is closed, never deleted');
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON billing_keyspend
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE OR REPLACE TRIGGER kept BEFORE TRUNCATE ON billing_hold
    FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse();
CREATE OR REPLACE TRIGGER prune_only BEFORE DELETE ON billing_hold
    FOR EACH STATEMENT EXECUTE FUNCTION billing_admit_writer('prune');
CREATE OR REPLACE TRIGGER open_is_kept BEFORE DELETE ON billing_hold FOR EACH ROW
    WHEN (OLD.state = 'open') EXECUTE FUNCTION billing_refuse('an open hold is settled, released or expired');
CREATE OR REPLACE TRIGGER origin_is_final BEFORE UPDATE OF
    id, wallet_id, key_id, kind, price_version_id, daily_cap_nusd, monthly_cap_nusd, total_cap_nusd, created_at
    ON billing_hold FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse('a hold may only grow, live longer, or close');
CREATE OR REPLACE TRIGGER closed_is_final BEFORE UPDATE ON billing_hold FOR EACH ROW
    WHEN (OLD.state <> 'open' OR NEW.amount_nusd < OLD.amount_nusd
          OR (NEW.state <> 'open' AND NEW.amount_nusd <> OLD.amount_nusd))
    EXECUTE FUNCTION billing_refuse('an open hold may grow or close; a closed one is final');

-- 3. Chain
CREATE OR REPLACE FUNCTION billing_check_wallet() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    wallet record;
    last record;
BEGIN
    SELECT w.version, w.balance_nusd INTO wallet
      FROM public.billing_wallet w WHERE w.organization_id = NEW.organization_id;
    SELECT e.seq, e.balance_after_nusd INTO last
      FROM public.billing_ledgerentry e WHERE e.wallet_id = NEW.organization_id ORDER BY e.seq DESC LIMIT 1;
    IF wallet.version <> coalesce(last.seq, 0) OR wallet.balance_nusd <> coalesce(last.balance_after_nusd, 0) THEN
        RAISE EXCEPTION 'wallet % does not stand where its entries end', NEW.organization_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

-- Checked when the transaction commits: the wallet and its entry are two statements.
DROP TRIGGER IF EXISTS backed_by_entries ON billing_wallet;
CREATE CONSTRAINT TRIGGER backed_by_entries AFTER UPDATE ON billing_wallet
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.version <> OLD.version OR NEW.balance_nusd <> OLD.balance_nusd)
    EXECUTE FUNCTION billing_check_wallet();
DROP TRIGGER IF EXISTS opened_empty ON billing_wallet;
CREATE CONSTRAINT TRIGGER opened_empty AFTER INSERT ON billing_wallet
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_wallet();

CREATE OR REPLACE FUNCTION billing_check_entries() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    broken record;
BEGIN
    SELECT a.wallet_id, a.seq INTO broken
      FROM added a
      LEFT JOIN public.billing_wallet w ON w.organization_id = a.wallet_id
      LEFT JOIN public.billing_ledgerentry before ON before.wallet_id = a.wallet_id AND before.seq = a.seq - 1
     WHERE (before.seq IS NULL AND a.seq <> 1)
        OR coalesce(before.balance_after_nusd, 0) + a.delta_nusd <> a.balance_after_nusd
        OR w.version IS NULL OR w.version < a.seq
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of wallet % does not continue its chain', broken.seq, broken.wallet_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER continues_the_chain AFTER INSERT ON billing_ledgerentry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION billing_check_entries();
