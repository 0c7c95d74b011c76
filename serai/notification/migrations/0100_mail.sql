-- migrate:up

-- One row per fact that somebody is written about; for a fact from a feed the id is the event's, so the same fact can
-- never become two mails. Recipient and subject are known once the mail has been composed.
create table mail (
    id          uuid primary key,
    template    text not null,
    -- The type of the event; null for a mail that was asked for over the API.
    event       text,
    user_id     uuid,
    order_id    uuid,
    facts       jsonb not null,
    -- The trace that the mail belongs to (W3C Trace Context).
    traceparent text,
    recipient   text,
    subject     text,
    status      text not null default 'queued' check (status in ('queued', 'sent', 'failed', 'skipped')),
    attempts    integer not null default 0,
    -- How often this very mail was turned down for good; an unreachable server does not count.
    refusals    integer not null default 0,
    error       text,
    next_at     timestamptz not null default now(),
    give_up_at  timestamptz not null,
    -- A worker's claim: it ends by itself, and whatever is written under an earlier epoch is refused.
    lease_until timestamptz,
    epoch       bigint not null default 0,
    created_at  timestamptz not null default now(),
    sent_at     timestamptz
);
create index mail_due on mail (next_at) where status = 'queued';
create index mail_waiting on mail (template, status) where status in ('queued', 'failed');
create index mail_log on mail (created_at desc, id desc);
create index mail_log_by_recipient on mail (lower(recipient), created_at desc, id desc);
create index mail_log_by_status on mail (status, created_at desc, id desc);

-- The mail as it was composed last, apart from its row because it is large and forgotten sooner.
create table mail_content (
    mail_id    uuid primary key references mail on delete cascade,
    headers    jsonb not null,
    text       text not null,
    html       text not null,
    created_at timestamptz not null default now()
);
create index mail_content_by_age on mail_content (created_at);

create table preference (
    user_id          uuid primary key,
    order_updates    boolean not null,
    shipping_updates boolean not null,
    marketing        boolean not null,
    locale           text not null,
    updated_at       timestamptz not null default now()
);

-- migrate:down
drop table preference, mail_content, mail;
