-- migrate:up

-- A cart is read and written as a whole, so it is one row. No indexed column changes, so that a change of the lines is a
-- heap-only update, for which the fill factor leaves room.
alter table cart
    add column lines jsonb not null default '[]',
    add constraint cart_lines_are_few check (jsonb_array_length(lines) <= 100),
    add constraint cart_quantities check (not jsonb_path_exists(lines, '$[*].quantity ? (@ < 1 || @ > 999)'));
update cart set lines = held.lines
from (select cart_id, jsonb_agg(jsonb_build_object('id', id, 'product_id', product_id, 'variant_id', variant_id,
                                                   'quantity', quantity) order by id) as lines
      from cart_line group by cart_id) held
where held.cart_id = cart.id;
alter table cart set (fillfactor = 70);
drop table cart_line;
drop index cart_of_guest_by_age;
create index cart_of_guest on cart (created_at) where user_id is null;

-- migrate:down
drop index cart_of_guest;
create index cart_of_guest_by_age on cart (updated_at) where user_id is null;
create table cart_line (
    id         uuid primary key,
    cart_id    uuid not null references cart on delete cascade,
    product_id uuid not null,
    variant_id uuid not null,
    quantity   integer not null check (quantity between 1 and 999),
    unique (cart_id, variant_id)
);
insert into cart_line (id, cart_id, product_id, variant_id, quantity)
select line.id, cart.id, line.product_id, line.variant_id, line.quantity
from cart, jsonb_to_recordset(cart.lines) as line (id uuid, product_id uuid, variant_id uuid, quantity integer);
alter table cart reset (fillfactor);
alter table cart drop column lines;
