-- migrate:up

-- Which products look different since some transaction: what replicas keep of the catalogue is dropped by it. Rows are
-- found by the transaction that wrote them, because one that commits late has an early time and an early number.
create table change (
    xid         xid8 not null default pg_current_xact_id(),
    -- Null is all of them.
    product_ids uuid[],
    -- Whether lists look different too; stock that moves and neither runs out nor comes back does not show there.
    listed      boolean not null,
    at          timestamptz not null default now()
);
create index change_of_transaction on change (xid);

-- Nobody asks for it, and without it a hold that ends is updated in place.
drop index hold_open;

-- Its product is copied from its variant, and checking it locked the row of a popular product for every sale.
alter table stock_movement drop constraint stock_movement_product_id_fkey;

-- migrate:down
alter table stock_movement add constraint stock_movement_product_id_fkey foreign key (product_id) references product;
create index hold_open on hold (held_at) where status = 'held';
drop table change;
