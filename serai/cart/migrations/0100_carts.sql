-- migrate:up

-- One cart per guest, identified by the hash of the cookie, and one per customer, identified by their id. `version` rises
-- with every change of the lines; a write names the version it is based on.
create table cart (
    id         uuid primary key,
    user_id    uuid unique,
    guest_hash bytea unique check (length(guest_hash) = 32),
    version    bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check ((user_id is null) <> (guest_hash is null))
);
create index cart_of_guest_by_age on cart (updated_at) where user_id is null;

create table cart_line (
    id         uuid primary key,
    cart_id    uuid not null references cart on delete cascade,
    product_id uuid not null,
    variant_id uuid not null,
    quantity   integer not null check (quantity between 1 and 999),
    unique (cart_id, variant_id)
);

-- A checkout's snapshot of a cart, by order. How it ended is kept, so that a late freeze is refused. A row without a cart
-- is the end of a checkout that has not frozen one.
create table cart_freeze (
    order_id   uuid primary key,
    state      text not null check (state in ('live', 'cleared', 'released')),
    user_id    uuid,
    cart_id    uuid references cart on delete cascade,
    guest_hash bytea,
    version    bigint,
    lines      jsonb,
    created_at timestamptz not null default now(),
    ended_at   timestamptz,
    check (state = 'released' or (cart_id is not null and user_id is not null and lines is not null))
);
create unique index cart_freeze_live on cart_freeze (cart_id) where state = 'live';
create index cart_freeze_ended on cart_freeze (ended_at) where state <> 'live';

-- migrate:down
drop table cart_freeze, cart_line, cart;
