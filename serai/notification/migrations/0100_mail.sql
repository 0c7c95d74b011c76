-- migrate:up

-- One row per email. An email about an event has the event's id, so that one event never causes two emails. Recipient
-- and subject are null until the email has been composed.
create table mail (
    id          uuid primary key,
    template    text not null,
    -- The type of the event; null for an email that was requested over the API.
    event       text,
    user_id     uuid,
    order_id    uuid,
    facts       jsonb not null,
    -- The trace that the email belongs to (W3C Trace Context).
    traceparent text,
    recipient   text,
    subject     text,
    status      text not null default 'queued' check (status in ('queued', 'sent', 'failed', 'skipped')),
    attempts    integer not null default 0,
    -- How often the server has refused this email permanently; an unreachable server does not count.
    refusals    integer not null default 0,
    error       text,
    next_at     timestamptz not null default now(),
    give_up_at  timestamptz not null,
    -- A worker's claim: a lease that expires; a result is only recorded under the current epoch.
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

-- The content composed for the latest attempt; in a table of its own because it is large and deleted earlier.
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
