-- migrate:up

-- Assigns a position to every committed event and notifies listeners of the new last position. Returns false when another
-- session is doing so. It is one function because each statement in it takes a new snapshot: the events are read after the
-- lock is taken, so all positions assigned by the last holder are visible.
create function hand_out_positions(channel text) returns boolean language plpgsql volatile as $$
declare
    reached bigint;
begin
    if not pg_try_advisory_xact_lock(hashtext('feed_sequencer')) then
        return false;
    end if;
    with head as (select position from feed_head),
         fresh as (select seq, row_number() over (order by seq) as n from event
                   where position is null order by seq limit 5000),
         numbered as (update event e set position = head.position + fresh.n from fresh, head
                      where e.seq = fresh.seq returning e.position),
         moved as (update feed_head set position = (select max(position) from numbered)
                   where exists (select 1 from numbered) returning position)
    select position into reached from moved;
    if reached is not null then
        perform pg_notify(channel, reached::text);
    end if;
    return true;
end
$$;

-- migrate:down
drop function hand_out_positions(text);
