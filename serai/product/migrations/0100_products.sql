-- migrate:up

-- A function may only carry a setting of an extension that this session has loaded; asking for a trigram loads it.
select public.similarity('a', 'b');

-- What people type and what is written are compared without case and accents. unaccent itself is only "stable",
-- because its dictionary could be exchanged; ours is not.
create function plain(words text) returns text
language sql immutable strict parallel safe
return lower(public.unaccent('public.unaccent'::regdictionary, words));

create table product (
    id          uuid primary key,
    slug        text not null unique,
    name        text not null,
    description text not null,
    status      text not null check (status in ('draft', 'active', 'archived')),
    category    text,
    attributes  jsonb not null,
    images      jsonb not null,
    options     jsonb not null,
    currency    text not null,
    -- The lowest price among its variants, and the other words it is found by (category, SKUs, options, attributes):
    -- kept by the transaction that writes the product.
    price_minor bigint not null check (price_minor >= 0),
    keywords    text not null,
    version     integer not null default 1,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    plain_name  text not null generated always as (plain(name)) stored,
    search      tsvector not null generated always as (
        setweight(to_tsvector('pg_catalog.english', plain(name)), 'A')
        || setweight(to_tsvector('pg_catalog.english', plain(keywords)), 'B')
        || setweight(to_tsvector('pg_catalog.english', plain(description)), 'D')
    ) stored
);

-- Each sort of the public list, over the whole shop and within one category. Ids are UUIDv7: their order is "newest".
create index product_newest on product (id) where status = 'active';
create index product_by_price on product (price_minor, id) where status = 'active';
create index product_by_name on product (plain_name, id) where status = 'active';
create index product_category_newest on product (category, id) where status = 'active';
create index product_category_by_price on product (category, price_minor, id) where status = 'active';
create index product_category_by_name on product (category, plain_name, id) where status = 'active';
create index product_search on product using gin (search);
create index product_resembling on product using gin (plain_name public.gin_trgm_ops);

-- What is sold. Stock stands in the row itself, so that a hold is one update; no index covers it and pages keep room,
-- so that a hot row is updated in place (HOT).
create table variant (
    id          uuid primary key,
    product_id  uuid not null references product,
    position    integer not null,
    sku         text not null,
    options     jsonb not null,
    price_minor bigint not null check (price_minor >= 0),
    archived_at timestamptz,
    initial     bigint not null check (initial >= 0),
    restocked   bigint not null default 0,
    available   bigint not null check (available >= 0),
    held        bigint not null default 0 check (held >= 0),
    sold        bigint not null default 0 check (sold >= 0),
    on_hand     bigint not null generated always as (available + held) stored,
    constraint nothing_is_lost check (initial + restocked = available + held + sold)
) with (fillfactor = 70);
create unique index variant_sku on variant (sku) where archived_at is null;
create index variant_of_product on variant (product_id);

-- Every change of what is on hand, so that its deltas add up to it. A hold changes nothing on hand, its commit does.
create table stock_movement (
    id         bigint generated always as identity primary key,
    variant_id uuid not null references variant,
    product_id uuid not null references product,
    delta      bigint not null check (delta <> 0),
    reason     text not null,
    order_id   uuid,
    by         uuid,
    at         timestamptz not null default now()
);
create index stock_movement_of_product on stock_movement (product_id, id);

-- One row for every hold there ever was, and for every one that must never be. `asked` is the fingerprint of the
-- request and `lines` the answer it got; a tombstone has neither.
create table hold (
    id       text primary key,
    status   text not null check (status in ('held', 'committed', 'released', 'returned')),
    asked    text,
    lines    jsonb not null,
    held_at  timestamptz not null default now(),
    ended_at timestamptz
);
create index hold_open on hold (held_at) where status = 'held';

-- A product as a list shows it.
create view product_item as
select p.id, p.slug, p.name, p.status, p.category, p.images, p.price_minor, p.currency, p.version, p.created_at,
       p.updated_at, v.variant_count, v.default_variant_id, v.in_stock
from product p
cross join lateral (
    select count(*) as variant_count, min(id::text)::uuid as default_variant_id,
           coalesce(bool_or(available > 0), false) as in_stock
    from variant where product_id = p.id and archived_at is null
) v;

-- Products whose name looks like what was typed. The threshold is low because a short word with two letters swapped
-- keeps less than a third of its trigrams; what is much less alike than the best is noise.
create function resembling(typed text) returns setof uuid
language sql stable rows 100
set pg_trgm.word_similarity_threshold = 0.28
as $$
    select id
    from (
        select id, likeness, max(likeness) over () as best
        from (
            select id, public.word_similarity(plain(typed), plain_name) as likeness
            from product where plain_name operator(public.%>) plain(typed)
        ) alike
    ) compared
    where likeness >= 0.75 * best
    order by likeness desc, id desc
    limit 500
$$;

-- The filters of the list; null is no filter. Written so that the planner takes it apart and sees the values. Stock is
-- asked for each product on the way through the list's index: as EXISTS it would be gathered from all variants first.
create function matching(
    status text, category text, min_price bigint, max_price bigint, in_stock boolean, low_stock bigint,
    words text, typed text
) returns setof product
language sql stable
as $$
    select p.* from product p
    where ($1 is null or p.status = $1)
      and ($2 is null or p.category = $2)
      and ($3 is null or p.price_minor >= $3)
      and ($4 is null or p.price_minor <= $4)
      and ($5 is null or $5 = coalesce((
          select max(v.available) from variant v where v.product_id = p.id and v.archived_at is null) > 0, false))
      and ($6 is null or $6 >= (
          select min(v.available) from variant v where v.product_id = p.id and v.archived_at is null))
      and ($7 is null or p.search @@ websearch_to_tsquery('pg_catalog.english', plain($7)))
      and ($8 is null or p.id in (select resembling($8)))
$$;

-- migrate:down
drop function matching(text, text, bigint, bigint, boolean, bigint, text, text);
drop function resembling(text);
drop view product_item;
drop table hold, stock_movement, variant, product;
drop function plain(text);
