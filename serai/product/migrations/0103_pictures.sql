-- migrate:up

-- Pictures that were sent to us, whether or not a product shows them; their files lie elsewhere. Nothing seems to show
-- one since `loose_since`; from `doomed_at` on its files are being deleted.
create table picture (
    name        text primary key,
    url         text not null unique,
    width       integer not null check (width > 0),
    height      integer not null check (height > 0),
    widths      integer[] not null check (array_length(widths, 1) > 0),
    loose_since timestamptz,
    doomed_at   timestamptz,
    constraint only_what_is_loose_is_doomed check (doomed_at is null or loose_since is not null)
);
create index picture_loose on picture (loose_since) where loose_since is not null;

-- Which products show a picture.
create index product_images on product using gin (images jsonb_path_ops) where images <> '[]';

-- An image of a product is called by an id of its own from now on.
update product p
set images = (
    select jsonb_agg(image || jsonb_build_object('id', gen_random_uuid()) order by position)
    from jsonb_array_elements(p.images) with ordinality as shown (image, position)
)
where images <> '[]';

-- migrate:down
update product p
set images = (
    select jsonb_agg(jsonb_build_object('url', image -> 'url', 'alt', image -> 'alt') order by position)
    from jsonb_array_elements(p.images) with ordinality as shown (image, position)
)
where images <> '[]';
drop index product_images;
drop table picture;
