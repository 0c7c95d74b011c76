-- migrate:up

-- One payment per order id. A row in state `closed` without a user is the tombstone of an order that never got this far.
create table payment (
    id              uuid primary key,
    order_id        uuid not null unique,
    state           text not null check (state in ('open', 'closing', 'closed', 'succeeded')),
    user_id         uuid,
    amount          bigint check (amount > 0),
    currency        text,
    payable_until   timestamptz,
    -- The opening request as it came: later attempts are made from it, and another one under this id is refused.
    asked           jsonb,
    -- The attempt that was paid.
    paid_n          integer,
    -- What refunds have taken of the charge, failed ones not counted; and how much of that Stripe has confirmed.
    refund_reserved bigint not null default 0,
    refunded        bigint not null default 0,
    created_at      timestamptz not null default now(),
    succeeded_at    timestamptz,
    closed_at       timestamptz,
    check ((user_id is null) = (asked is null) and (user_id is null) = (amount is null)
           and (user_id is null) = (currency is null) and (user_id is null) = (payable_until is null)),
    check (user_id is not null or state = 'closed'),
    check ((state = 'succeeded') = (paid_n is not null)),
    check (0 <= refunded and refunded <= refund_reserved and refund_reserved <= coalesce(amount, 0)),
    check (refund_reserved = 0 or state = 'succeeded')
);

-- Every try to get paid: the request is committed before it is sent, and sent again with the same bytes and key.
create table attempt (
    payment_id uuid not null references payment,
    n          integer not null,
    kind       text not null check (kind in ('session', 'intent')),
    key        text not null unique,
    request    text not null,
    state      text not null
               check (state in ('opening', 'open', 'action', 'processing', 'parked', 'ended', 'succeeded')),
    session_id text unique,
    intent_id  text unique,
    -- Where the buyer goes: the payment page, or their bank.
    url        text,
    expires_at timestamptz not null,
    confirms   integer not null default 0,
    problem    text,
    -- When the sweep looks at it; null once there is nothing left to learn.
    check_at   timestamptz,
    created_at timestamptz not null default now(),
    primary key (payment_id, n)
);
-- Two attempts that can both be paid are how a buyer gets charged twice.
create unique index attempt_one_live on attempt (payment_id) where state in ('opening', 'open', 'action', 'processing');
create index attempt_due on attempt (check_at) where check_at is not null;

create table refund (
    id         uuid primary key,
    payment_id uuid not null references payment,
    n          integer not null,
    -- Whoever asked for it knows it by this; null when a person's Idempotency-Key or nobody did.
    asked_key  text,
    asked      jsonb,
    intent_id  text not null,
    amount     bigint not null check (amount > 0),
    state      text not null check (state in ('created', 'pending', 'succeeded', 'failed')),
    -- Money that was taken twice goes back without being a refund of the order.
    duplicate  boolean not null default false,
    reason     text,
    restock    boolean,
    stripe_id  text unique,
    -- Grows when Stripe has stored a failure under the key it had, which no repetition gets past.
    generation integer not null default 1,
    tries      integer not null default 0,
    check_at   timestamptz,
    created_at timestamptz not null default now(),
    unique (payment_id, n),
    unique (payment_id, asked_key)
);
create index refund_due on refund (check_at) where check_at is not null;

-- What Stripe told us, as it came, once per event.
create table webhook_event (
    id           text primary key,
    type         text not null,
    body         bytea not null,
    received_at  timestamptz not null default now(),
    due_at       timestamptz not null default now(),
    tries        integer not null default 0,
    processed_at timestamptz
);
create index webhook_event_due on webhook_event (due_at) where processed_at is null;
create index webhook_event_by_age on webhook_event (received_at) where processed_at is not null;

-- How far the reading of Stripe's event list has come, and who reads it now.
create table event_sweep (
    only_row    boolean primary key default true check (only_row),
    read_until  timestamptz not null default '-infinity',
    lease_until timestamptz not null default '-infinity'
);
insert into event_sweep default values;

-- migrate:down
drop table event_sweep, webhook_event, refund, attempt, payment;
