-- migrate:up
create sequence order_number start 100001;

-- An order as its owner sees it. Money is in minor units of `currency`, null until it is known.
create table orders (
    id               uuid primary key,
    user_id          uuid not null,
    email            text not null,
    number           text unique,
    status           text not null check (status in ('pending', 'awaiting_payment', 'paid', 'shipped', 'delivered',
                                                     'rejected', 'cancelled', 'refunding', 'refunded')),
    currency         text not null,
    items            jsonb not null default '[]',
    discounts        jsonb not null default '[]',
    tax_lines        jsonb not null default '[]',
    subtotal         bigint check (subtotal >= 0),
    shipping         bigint check (shipping >= 0),
    tax              bigint check (tax >= 0),
    total            bigint check (total >= 0),
    refunded         bigint not null default 0 check (refunded >= 0),
    shipping_method  text,
    note             text,
    shipping_address jsonb not null,
    billing_address  jsonb,
    payment          jsonb,
    fulfilments      jsonb not null default '[]',
    failure          jsonb,
    history          jsonb not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    paid_at          timestamptz,
    check (refunded <= coalesce(total, 0))
);
create index orders_of_user on orders (user_id, id desc);
create index orders_by_status on orders (status, id desc);
create index orders_by_email on orders (lower(email) text_pattern_ops);
create index orders_by_paid_at on orders (paid_at) where paid_at is not null;

-- The saga of an order. A worker holds `lease_until` and writes only under the version and epoch it has read.
create table checkout (
    order_id           uuid primary key references orders (id),
    state              text not null,
    version            bigint not null default 1,
    epoch              bigint not null default 1,
    definition_version integer not null,
    context            jsonb not null,
    acknowledged       boolean not null default false,
    attempts           integer not null default 0,
    since              timestamptz not null default now(),
    lease_until        timestamptz not null,
    next_run_at        timestamptz not null
);
create index checkout_due on checkout (next_run_at) where next_run_at < 'infinity';

-- What the saga did, for people to read.
create table checkout_step (
    order_id uuid not null references orders (id),
    n        bigint generated always as identity,
    state    text not null,
    detail   text,
    at       timestamptz not null default now(),
    primary key (order_id, n)
);

-- Money given back, as payment told us; one row per refund that succeeded.
create table order_refund (
    refund_id uuid primary key,
    order_id  uuid not null references orders (id),
    amount    bigint not null check (amount > 0),
    at        timestamptz not null
);
create index order_refund_by_at on order_refund (at);
create index order_refund_of_order on order_refund (order_id);

-- migrate:down
drop table order_refund, checkout_step, checkout, orders;
drop sequence order_number;
