-- migrate:up

-- Events that this service publishes. `position` is null until the sequencer assigns it after commit. `seq` keeps the
-- events of one row in the order in which transactions held that row's lock.
create table event (
    seq         bigint generated always as identity primary key,
    position    bigint unique,
    id          uuid not null unique,
    type        text not null,
    subject     text not null,
    data        jsonb not null,
    traceparent text,
    at          timestamptz not null default now()
);
create index event_unsequenced on event (seq) where position is null;
create index event_by_subject on event (subject, seq);

create table feed_head (
    only_row boolean primary key default true check (only_row),
    position bigint not null
);
insert into feed_head (position) values (0);

-- The last known position of each consumer of our feed. Events that it has not read are not pruned.
create table feed_reader (
    consumer text primary key,
    position bigint not null,
    seen_at  timestamptz not null default now()
);

-- Our cursors in the feeds of other services. A cursor advances in the transaction that applies the events.
create table feed_cursor (
    feed        text primary key,
    position    bigint not null default 0,
    owner       text,
    lease_until timestamptz not null default '-infinity'
);

-- Events that failed. Later events of the same subject wait behind them.
create table feed_parked (
    feed     text not null,
    position bigint not null,
    subject  text not null,
    event    jsonb not null,
    attempts integer not null default 1,
    error    text not null,
    next_at  timestamptz not null,
    parked_at timestamptz not null default now(),
    primary key (feed, position)
);
create index feed_parked_by_subject on feed_parked (feed, subject, position);

-- A client's idempotency key, bound to its caller and to the resource that the request created.
create table idempotency_key (
    caller      text not null,
    key         text not null,
    fingerprint bytea not null,
    resource    text not null,
    created_at  timestamptz not null default now(),
    primary key (caller, key)
);
create index idempotency_key_by_age on idempotency_key (created_at);

-- migrate:down
drop table idempotency_key, feed_parked, feed_cursor, feed_reader, feed_head, event;
