-- migrate:up

-- Loads the extension, without which the setting below is not known.
select public.similarity('a', 'b');

-- The words that products are called and described by. A search that finds nothing is tried again with each word it
-- does not know replaced by the one that was probably meant: the words of a shop are few however many its products.
create table word (
    word text primary key
);
create index word_alike on word using gin (word public.gin_trgm_ops);

create function words_of(named text) returns setof text
language sql stable
as $$
    select lexeme from unnest(to_tsvector('pg_catalog.simple', plain(named))) as token (lexeme, positions, weights)
    where lexeme ~ '^[[:alpha:]]{3,30}$'
$$;

insert into word select distinct words_of(name || ' ' || keywords) from product;

-- Candidates only: the threshold is low because a short word with two letters swapped keeps few of its trigrams.
create function words_like(typed text) returns setof text
language sql stable rows 50
set pg_trgm.similarity_threshold = 0.12
as $$
    select word from word where word operator(public.%) typed
    order by public.similarity(word, typed) desc, word
    limit 200
$$;

drop function matching(text, text, bigint, bigint, boolean, bigint, text, text);
drop function resembling(text);
drop index product_resembling;

-- The filters of the list; null is no filter. Written so that the planner takes it apart and sees the values. Stock is
-- asked for each product on the way through the list's index: as EXISTS it would be gathered from all variants first.
create function matching(
    status text, category text, min_price bigint, max_price bigint, in_stock boolean, low_stock bigint, words text
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
$$;

-- migrate:down
select public.similarity('a', 'b');
drop function matching(text, text, bigint, bigint, boolean, bigint, text);
create index product_resembling on product using gin (plain_name public.gin_trgm_ops);
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
drop function words_like(text);
drop function words_of(text);
drop table word;
