-- migrate:up

-- A link that one mail may carry; `id` is that of the event the mail comes from. It may be put into the mail for as long
-- after it was asked for as it works once it is in there. Gone when it was used, and with it every token made for it.
create table link (
    id         uuid primary key,
    user_id    uuid not null references account on delete cascade,
    purpose    text not null check (purpose in ('verify_email', 'reset_password')),
    life       interval not null,
    created_at timestamptz not null default now()
);
create index link_by_user on link (user_id, purpose);
create index link_by_age on link (created_at);

-- Only hashes. A mail that is tried again carries a new token, and what was sent before goes on working.
create table link_token (
    hash       bytea primary key check (length(hash) = 32),
    link_id    uuid not null references link on delete cascade,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
);
create index link_token_by_link on link_token (link_id, created_at);

-- That somebody asked for a mail with a link: a row per address, whether or not it has an account, so that asking is
-- the same work for both. `email` stands there until it has been looked up, which is when its next mail may go.
create table link_asked (
    purpose text not null check (purpose in ('verify_email', 'reset_password')),
    subject bytea not null check (length(subject) = 32),
    email   text,
    -- How many mails went lately: rises by one with each and leaks away with time.
    level   double precision not null default 0,
    at      timestamptz not null default now(),
    due_at  timestamptz not null default now(),
    primary key (purpose, subject)
);
create index link_asked_due on link_asked (due_at) where email is not null;
create index link_asked_by_age on link_asked (at) where email is null;

-- migrate:down
drop table link_asked, link_token, link;
