-- migrate:up

-- The one counter all indexes come from. Whoever changes the registry locks this row first, so changes commit in the
-- order of their numbers; a sequence would let a later number become visible before an earlier one.
create table registry (
    only_row boolean primary key default true check (only_row),
    index    bigint not null
);
insert into registry (index) values (1);

-- The index of the last change to a service. It outlives the service's last instance, so that a watcher learns of that.
create table service_index (
    service text primary key,
    index   bigint not null
);

-- A heartbeat touches only unindexed columns of one row, and finds room for its new version on the same page.
create table instance (
    id             text primary key,
    service        text not null,
    address        text not null,
    port           integer not null check (port between 0 and 65535),
    tags           text[] not null,
    meta           jsonb not null,
    check_id       text unique,
    check_name     text not null,
    notes          text not null,
    ttl            interval,
    reap_after     interval,
    probe_url      text,
    probe_interval interval,
    probe_timeout  interval,
    probe_at       timestamptz,
    status         text not null check (status in ('passing', 'warning', 'critical')),
    since          timestamptz not null,
    output         text not null default '',
    expires_at     timestamptz,
    held_since     timestamptz,
    maintenance    text,
    create_index   bigint not null,
    modify_index   bigint not null,
    check ((ttl is null) = (expires_at is null)),
    check ((probe_url is null) = (probe_at is null))
) with (fillfactor = 50);
create index instance_by_service on instance (service);

-- When leases were last looked at. A gap means that nobody could renew one either.
create table sweep (
    only_row boolean primary key default true check (only_row),
    swept_at timestamptz not null
) with (fillfactor = 50);
insert into sweep (swept_at) values (now());

-- migrate:down
drop table sweep, instance, service_index, registry;
