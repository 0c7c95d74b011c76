-- migrate:up

-- A link that one email may carry; `id` is the id of the event that the email is about. `life` is both how long tokens
-- are issued after the link was created and how long each token is valid. Deleted with all its tokens when it is used.
create table link (
    id         uuid primary key,
    user_id    uuid not null references account on delete cascade,
    purpose    text not null check (purpose in ('verify_email', 'reset_password')),
    life       interval not null,
    created_at timestamptz not null default now()
);
create index link_by_user on link (user_id, purpose);
create index link_by_age on link (created_at);

-- Stores hashes only. Each attempt to send the email carries a new token; earlier tokens stay valid.
create table link_token (
    hash       bytea primary key check (length(hash) = 32),
    link_id    uuid not null references link on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
);
create index link_token_by_link on link_token (link_id, created_at);

-- A request for an email with a link: one row per address, whether or not it has an account, so that requests take the
-- same time for both. `email` is set while a request is unanswered; it is answered at `due_at`.
create table link_asked (
    purpose text not null check (purpose in ('verify_email', 'reset_password')),
    subject bytea not null check (length(subject) = 32),
    email   text,
    -- Recent emails: rises by one with each and decreases over time.
    level   double precision not null default 0,
    at      timestamptz not null default now(),
    due_at  timestamptz not null default now(),
    primary key (purpose, subject)
);
create index link_asked_due on link_asked (due_at) where email is not null;
create index link_asked_by_age on link_asked (at) where email is null;

-- migrate:down
drop table link_asked, link_token, link;
