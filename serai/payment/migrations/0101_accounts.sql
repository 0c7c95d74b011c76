-- migrate:up

-- A tombstone is the row of an order that was closed before it asked for a payment. It used to be a row without a user;
-- a payment of a guest has no user either.
alter table payment rename column asked to request;
alter table payment add column tombstone boolean not null default false, add column email text;
update payment set tombstone = user_id is null, email = request ->> 'email';
-- The constraints of the first migration have the names that PostgreSQL gave them.
alter table payment
    drop constraint payment_check,
    drop constraint payment_check1,
    drop constraint payment_check3,
    drop constraint payment_check4,
    -- The buyer is a user, or a guest with an email address. A tombstone has neither.
    add constraint payment_tombstone check (
        case when tombstone
             then state = 'closed'
                  and num_nonnulls(user_id, email, amount, currency, payable_until, request) = 0
             else num_nulls(email, amount, currency, payable_until, request) = 0
        end);

-- The account of a charge, in minor units. A charge is an attempt that succeeded; other attempts have only zeros.
-- A payment has a second charge when its buyer paid twice. Whoever changes an account holds the row of its payment.
alter table attempt
    -- A refund counts in one of these: Stripe has not decided, it succeeded, it failed.
    add column captured       bigint not null default 0,
    add column refund_pending bigint not null default 0,
    add column refunded       bigint not null default 0,
    add column refund_failed  bigint not null default 0,
    -- Every dispute that was opened, and those that are closed.
    add column disputed       bigint not null default 0,
    add column dispute_won    bigint not null default 0,
    add column dispute_lost   bigint not null default 0;
update attempt a set
       captured = p.amount,
       refund_pending = r.pending,
       refunded = r.succeeded,
       refund_failed = r.failed
from payment p, attempt charge
     cross join lateral (
       select coalesce(sum(amount) filter (where state in ('created', 'pending')), 0) as pending,
              coalesce(sum(amount) filter (where state = 'succeeded'), 0) as succeeded,
              coalesce(sum(amount) filter (where state = 'failed'), 0) as failed
       from refund where payment_id = charge.payment_id and intent_id = charge.intent_id) r
where p.id = a.payment_id and charge.payment_id = a.payment_id and charge.n = a.n and a.state = 'succeeded';
alter table attempt
    add constraint attempt_captured check ((state = 'succeeded') = (captured > 0)),
    add constraint attempt_refunds check (
        refund_pending >= 0 and refunded >= 0 and refund_failed >= 0 and refund_pending + refunded <= captured),
    add constraint attempt_disputes check (
        dispute_won >= 0 and dispute_lost >= 0 and dispute_won + dispute_lost <= disputed);
alter table payment drop column refund_reserved, drop column refunded;

alter table refund rename column asked_key to request_key;
alter table refund rename column asked to request;

-- migrate:down
alter table refund rename column request to asked;
alter table refund rename column request_key to asked_key;

alter table payment
    drop constraint payment_tombstone,
    add column refund_reserved bigint not null default 0,
    add column refunded        bigint not null default 0;
update payment p set refund_reserved = a.refund_pending + a.refunded, refunded = a.refunded
from attempt a where a.payment_id = p.id and a.n = p.paid_n;
alter table attempt
    drop column captured, drop column refund_pending, drop column refunded, drop column refund_failed,
    drop column disputed, drop column dispute_won, drop column dispute_lost;
alter table payment rename column request to asked;
alter table payment
    drop column tombstone,
    drop column email,
    add constraint payment_check check (
        (user_id is null) = (asked is null) and (user_id is null) = (amount is null)
        and (user_id is null) = (currency is null) and (user_id is null) = (payable_until is null)),
    add constraint payment_check1 check (user_id is not null or state = 'closed'),
    add constraint payment_check3 check (
        0 <= refunded and refunded <= refund_reserved and refund_reserved <= coalesce(amount, 0)),
    add constraint payment_check4 check (refund_reserved = 0 or state = 'succeeded');
