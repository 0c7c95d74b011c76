-- migrate:up

-- `email` is stored normalized (trimmed, lower case), so that addresses compare by equality.
create table account (
    id             uuid primary key,
    email          text not null unique check (email = lower(email)),
    name           text not null,
    role           text not null default 'customer' check (role in ('customer', 'admin')),
    password_hash  text not null,
    disabled       boolean not null default false,
    email_verified boolean not null default false,
    -- When the owner was last told that someone tried to register this address.
    told_taken_at  timestamptz,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now()
);
create index account_search on account using gin ((email || ' ' || lower(name)) gin_trgm_ops);
create index account_admins on account (id) where role = 'admin' and not disabled;

-- A session: a sign-in and the chain of refresh tokens that starts with it.
create table session (
    id             uuid primary key,
    user_id        uuid not null references account on delete cascade,
    client_address text not null,
    created_at     timestamptz not null default now(),
    last_seen_at   timestamptz not null default now(),
    expires_at     timestamptz not null,
    ended_at       timestamptz
);
create index session_live on session (user_id, created_at) where ended_at is null;
create index session_by_address on session (user_id, client_address);
create index session_by_expiry on session (expires_at);

-- Stores hashes only. A token is used once; its successor is derived from the token itself and `salt`.
create table refresh_token (
    hash       bytea primary key check (length(hash) = 32),
    session_id uuid not null references session on delete cascade,
    expires_at timestamptz not null,
    used_at    timestamptz,
    salt       bytea,
    check ((used_at is null) = (salt is null))
);
create index refresh_token_by_session on refresh_token (session_id);
create index refresh_token_by_expiry on refresh_token (expires_at);

-- Failed sign-ins per account and per client address: a level that rises by one with each and decreases over time.
create table sign_in_failures (
    subject text primary key,
    level   double precision not null,
    at      timestamptz not null default now()
);
create index sign_in_failures_by_age on sign_in_failures (at);

-- migrate:down
drop table sign_in_failures, refresh_token, session, account;
