-- The table of billing.UsageRecord. Django cannot declare partitions, so this file makes what the model describes (a
-- test compares the two). Later columns come with migrations of their own; this file stays as it is.
-- No foreign keys: a call must lock nothing but its wallet.

CREATE TABLE billing_usagerecord (
    id                        uuid           NOT NULL,
    started_at                timestamptz    NOT NULL,
    finished_at               timestamptz    NOT NULL DEFAULT statement_timestamp(),
    wallet_id                 bigint         NOT NULL,
    key_id                    bigint,
    user_id                   bigint,
    model_id                  bigint,
    endpoint_id               bigint,
    price_version_id          bigint,
    supplier_cost_version_id  bigint,
    exact_cost                numeric(24,14) NOT NULL,
    cost_nusd                 bigint         NOT NULL,
    charged_nusd              bigint         NOT NULL,
    supplier_cost             numeric(24,14),
    rise                      numeric(4,3)   NOT NULL,
    seconds                   numeric(14,3)  NOT NULL,
    input_tokens              integer        NOT NULL,
    cached_input_tokens       integer        NOT NULL,
    cache_write_5m_tokens     integer        NOT NULL,
    cache_write_1h_tokens     integer        NOT NULL,
    output_tokens             integer        NOT NULL,
    reasoning_tokens          integer        NOT NULL,
    audio_input_tokens        integer        NOT NULL,
    audio_output_tokens       integer        NOT NULL,
    image_input_tokens        integer        NOT NULL,
    image_output_tokens       integer        NOT NULL,
    images                    integer        NOT NULL,
    characters                integer        NOT NULL,
    first_byte_ms             integer,
    duration_ms               integer        NOT NULL,
    status                    smallint       NOT NULL,
    streamed                  boolean        NOT NULL,
    is_late                   boolean        NOT NULL,
    model                     text           NOT NULL,
    provider                  text           NOT NULL,
    surface                   text           NOT NULL,
    operation                 text           NOT NULL,
    usage_source              text           NOT NULL,
    outcome                   text           NOT NULL,
    finish                    text           NOT NULL,
    error_code                text,
    attempts                  jsonb          NOT NULL,
    detail                    jsonb,
    PRIMARY KEY (id, started_at),
    CONSTRAINT usage_charges_its_cost_at_most CHECK (charged_nusd >= 0 AND charged_nusd <= cost_nusd),
    CONSTRAINT usage_counts_upwards CHECK (
        least(input_tokens, cached_input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens,
              reasoning_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, image_output_tokens,
              images, characters) >= 0 AND seconds >= 0
    )
) PARTITION BY RANGE (started_at);

CREATE INDEX usage_of_wallet ON billing_usagerecord (wallet_id, started_at);
CREATE INDEX usage_of_key ON billing_usagerecord (key_id, started_at);

-- A month that nobody made in time is no reason to lose a charge: its records wait here and move when it is made.
CREATE TABLE billing_usagerecord_rest PARTITION OF billing_usagerecord DEFAULT;
