-- migrate:up

-- A schema for each noun: a statement that reaches into another one's is seen at once.
create schema orders;
create schema checkout;
create schema fulfilment;
alter table orders set schema orders;
alter table order_refund set schema orders;
alter table orders.order_refund rename to refund;
alter sequence order_number set schema orders;
alter sequence orders.order_number rename to number;
alter table checkout set schema checkout;
alter table checkout.checkout rename to saga;
alter table checkout_step set schema checkout;
alter table checkout.checkout_step rename to step;

-- What an order is made of, by lines that other rows can name.
create table orders.line (
    id         uuid primary key,
    order_id   uuid not null references orders.orders (id),
    n          smallint not null,
    product_id uuid not null,
    variant_id uuid not null,
    sku        text not null,
    quantity   integer not null check (quantity > 0),
    fulfilled  integer not null default 0,
    returned   integer not null default 0,
    unique (order_id, n),
    check (fulfilled between 0 and quantity),
    check (returned between 0 and fulfilled)
);

create table fulfilment.fulfilment (
    id              uuid primary key,
    order_id        uuid not null references orders.orders (id),
    tracking_number text,
    shipped_at      timestamptz not null
);
create index fulfilment_of_order on fulfilment.fulfilment (order_id);

create table fulfilment.line (
    fulfilment_id uuid not null references fulfilment.fulfilment (id),
    line_id       uuid not null references orders.line (id),
    quantity      integer not null check (quantity > 0),
    primary key (fulfilment_id, line_id)
);

alter table orders.orders
    add column priced             jsonb,
    add column payment_status     text not null default 'unpaid'
        check (payment_status in ('unpaid', 'processing', 'paid', 'partially_refunded', 'refunded')),
    add column fulfilment_status  text not null default 'unfulfilled'
        check (fulfilment_status in ('unfulfilled', 'partial', 'fulfilled')),
    add column return_status      text not null default 'none'
        check (return_status in ('none', 'requested', 'returned')),
    add column dispute            text check (dispute in ('open', 'won', 'lost')),
    add column dispute_due_at     timestamptz,
    -- A guest has no user.
    alter column user_id drop not null;

insert into orders.line (id, order_id, n, product_id, variant_id, sku, quantity)
select gen_random_uuid(), o.id, item.n, (item.value ->> 'product_id')::uuid, (item.value ->> 'variant_id')::uuid,
       item.value ->> 'sku', (item.value ->> 'quantity')::int
from orders.orders o, jsonb_array_elements(o.items) with ordinality as item (value, n);

-- The tax of each line is what the running sum of the lines makes of it, so that the shares add up; shipping gets the
-- rest. Taxes were always added to the prices.
with item as (
  select o.id as order_id, l.id, l.n, i.value,
         (i.value -> 'unit_price' ->> 'amount')::bigint as unit_price,
         sum((i.value -> 'total' ->> 'amount')::bigint) over (partition by o.id order by l.n) as reached,
         (i.value -> 'total' ->> 'amount')::bigint as total,
         o.tax, greatest(o.subtotal + o.shipping, 1) as taxed
  from orders.orders o
       cross join lateral jsonb_array_elements(o.items) with ordinality as i (value, n)
       join orders.line l on l.order_id = o.id and l.n = i.n),
line as (
  select *, floor(tax * reached / taxed) - floor(tax * (reached - total) / taxed) as share from item),
lines as (
  select order_id, sum(share) as shared,
         jsonb_agg(jsonb_build_object(
           'id', id, 'product_id', value -> 'product_id', 'variant_id', value -> 'variant_id', 'sku', value -> 'sku',
           'name', value -> 'name', 'options', value -> 'options', 'unit_price', unit_price,
           'quantity', value -> 'quantity', 'discount', 0, 'tax', share::bigint) order by n) as priced
  from line group by order_id)
update orders.orders o set priced = jsonb_build_object(
         'engine', 0, 'currency', o.currency, 'prices_include_tax', false, 'lines', lines.priced,
         'shipping', jsonb_build_object(
           'method', o.shipping_method, 'name', o.shipping_method, 'price', o.shipping, 'discount', 0,
           'tax', (o.tax - lines.shared)::bigint),
         'adjustments', '[]'::jsonb,
         'tax_lines', (
           select coalesce(jsonb_agg(jsonb_build_object(
                    'name', t.value -> 'name', 'rate', (t.value ->> 'basis_points')::bigint * 100,
                    'base', o.subtotal + o.shipping, 'amount', (t.value -> 'amount' ->> 'amount')::bigint,
                    'included', false) order by t.n), '[]'::jsonb)
           from jsonb_array_elements(o.tax_lines) with ordinality as t (value, n)))
from lines where lines.order_id = o.id and o.total is not null;

with shipped as (
  select gen_random_uuid() as id, o.id as order_id, f.value
  from orders.orders o, jsonb_array_elements(o.fulfilments) as f (value)),
made as (
  insert into fulfilment.fulfilment (id, order_id, tracking_number, shipped_at)
  select id, order_id, value ->> 'tracking_number', (value ->> 'shipped_at')::timestamptz from shipped)
insert into fulfilment.line (fulfilment_id, line_id, quantity)
select shipped.id, l.id, sum((item.value ->> 'quantity')::int)
from shipped
     cross join lateral jsonb_array_elements(shipped.value -> 'items') as item (value)
     join orders.line l on l.order_id = shipped.order_id and l.variant_id = (item.value ->> 'variant_id')::uuid
group by shipped.id, l.id;

update orders.line l set fulfilled = least(l.quantity, sent.quantity)
from (select line_id, sum(quantity) as quantity from fulfilment.line group by line_id) sent
where sent.line_id = l.id;

update orders.orders set
    payment_status = case when refunded > 0 and refunded = total then 'refunded'
                          when refunded > 0 then 'partially_refunded'
                          when paid_at is not null then 'paid'
                          else 'unpaid' end,
    fulfilment_status = case when fulfilments <> '[]' then 'fulfilled' else 'unfulfilled' end;

alter table orders.orders
    drop column items, drop column discounts, drop column tax_lines, drop column subtotal, drop column shipping,
    drop column tax, drop column shipping_method, drop column fulfilments;

-- migrate:down
alter table orders.orders
    add column items           jsonb not null default '[]',
    add column discounts       jsonb not null default '[]',
    add column tax_lines       jsonb not null default '[]',
    add column subtotal        bigint check (subtotal >= 0),
    add column shipping        bigint check (shipping >= 0),
    add column tax             bigint check (tax >= 0),
    add column shipping_method text,
    add column fulfilments     jsonb not null default '[]';

update orders.orders o set
    items = (
      select jsonb_agg(jsonb_build_object(
               'product_id', line.value -> 'product_id', 'variant_id', line.value -> 'variant_id',
               'sku', line.value -> 'sku', 'name', line.value -> 'name', 'options', line.value -> 'options',
               'quantity', line.value -> 'quantity',
               'unit_price', jsonb_build_object('amount', line.value -> 'unit_price', 'currency', o.currency),
               'total', jsonb_build_object(
                 'amount', (line.value ->> 'unit_price')::bigint * (line.value ->> 'quantity')::bigint,
                 'currency', o.currency)) order by line.n)
      from jsonb_array_elements(o.priced -> 'lines') with ordinality as line (value, n)),
    tax_lines = (
      select coalesce(jsonb_agg(jsonb_build_object(
               'name', t.value -> 'name', 'basis_points', (t.value ->> 'rate')::bigint / 100,
               'amount', jsonb_build_object('amount', t.value -> 'amount', 'currency', o.currency)) order by t.n), '[]')
      from jsonb_array_elements(o.priced -> 'tax_lines') with ordinality as t (value, n)),
    subtotal = (
      select sum((line ->> 'unit_price')::bigint * (line ->> 'quantity')::bigint)
      from jsonb_array_elements(o.priced -> 'lines') as line),
    shipping = (o.priced -> 'shipping' ->> 'price')::bigint,
    shipping_method = o.priced -> 'shipping' ->> 'method',
    tax = (select coalesce(sum((t ->> 'amount')::bigint), 0) from jsonb_array_elements(o.priced -> 'tax_lines') as t)
where o.priced is not null;

update orders.orders o set fulfilments = (
    select jsonb_agg(jsonb_build_object(
             'tracking_number', f.tracking_number,
             'shipped_at', to_char(f.shipped_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
             'items', (
               select jsonb_agg(jsonb_build_object('variant_id', l.variant_id, 'quantity', fl.quantity) order by l.n)
               from fulfilment.line fl join orders.line l on l.id = fl.line_id where fl.fulfilment_id = f.id))
             order by f.shipped_at)
    from fulfilment.fulfilment f where f.order_id = o.id)
where exists (select from fulfilment.fulfilment f where f.order_id = o.id);

-- Without its user a guest's order has no owner that older code could know.
delete from checkout.step where order_id in (select id from orders.orders where user_id is null);
delete from checkout.saga where order_id in (select id from orders.orders where user_id is null);
delete from orders.refund where order_id in (select id from orders.orders where user_id is null);
drop table fulfilment.line, fulfilment.fulfilment, orders.line;
delete from orders.orders where user_id is null;

alter table orders.orders
    drop column priced, drop column payment_status, drop column fulfilment_status, drop column return_status,
    drop column dispute, drop column dispute_due_at,
    alter column user_id set not null;

alter table checkout.step rename to checkout_step;
alter table checkout.checkout_step set schema public;
alter table checkout.saga rename to checkout;
alter table checkout.checkout set schema public;
alter sequence orders.number rename to order_number;
alter sequence orders.order_number set schema public;
alter table orders.refund rename to order_refund;
alter table orders.order_refund set schema public;
alter table orders.orders set schema public;
drop schema orders, checkout, fulfilment;
