-- migrate:up

-- What a key has made, read only after the lock on the key was tried. A plain statement would read as of a moment before
-- it took the lock, and miss a transaction that bound the key and let go in between; each statement of a volatile
-- function reads afresh.
create function idempotency_key_made(key_lock bigint, of_caller text, of_key text)
returns table (held boolean, fingerprint bytea, resource text)
language plpgsql volatile as $$
begin
    held := pg_try_advisory_xact_lock(key_lock);
    if held then
        select bound.fingerprint, bound.resource into fingerprint, resource
        from idempotency_key bound where bound.caller = of_caller and bound.key = of_key;
    end if;
    return next;
end
$$;

-- migrate:down
drop function idempotency_key_made(bigint, text, text);
