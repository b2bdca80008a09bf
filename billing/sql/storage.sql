-- How the tables are kept in shape. Usage records: see billing_tend_partition.

-- Rows that every call updates: room on their page for the next version, and dead ones cleared away early.
ALTER TABLE billing_wallet SET (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_delay = 0);
ALTER TABLE billing_keyspend SET (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_delay = 0);
ALTER TABLE billing_hold SET (
    fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- Rows that are only ever added.
ALTER TABLE billing_ledgerentry SET (
    autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);
