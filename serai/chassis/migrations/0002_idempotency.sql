-- migrate:up

-- The resource bound to a key, read after the attempt to lock the key. A plain statement would use a snapshot from before
-- it took the lock, and miss a transaction that bound the key and released the lock in between. Each statement of a
-- volatile function takes a new snapshot.
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
