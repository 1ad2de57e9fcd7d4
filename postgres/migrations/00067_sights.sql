-- +goose Up

-- What the public is shown: every place and, as one that was confirmed, every order that has none. An order that is given its place is shown as
-- that from then on. Workers may not call pg_backend_pid, so none are started, which would take longer than most of what is asked here.
create view sights as
    select id, region, cell, lat, lon, heading_deg, uncertainty_m, state, state_at, class, belief, severity, devices, passes, first_at, last_at, ordered
    from places
    union all
    select id, 0::bigint, cell, lat, lon, null::double precision, 1::double precision, 'confirmed'::text, state_at, class, '{0,0,0,0,0,0}'::real[],
        severity, devices, 0, promoted_at, promoted_at, true
    from orders where place is null and pg_backend_pid() is not null;
create unique index orders_sight on orders (coalesce(place, id)); -- the order of a sight

-- Where a sight leads whose order was merged into another, however often: to itself where it was not.
-- +goose StatementBegin
create or replace function leads_to(asked text) returns text language sql stable as $$
    with recursive leads as (
        select coalesce(o.place, o.id) as sight, o.duplicate_of, 1 as n from orders o where coalesce(o.place, o.id) = asked and o.duplicate_of is not null
        union all select coalesce(o.place, o.id), o.duplicate_of, l.n + 1 from leads l join orders o on o.id = l.duplicate_of where l.n < 10)
    select coalesce((select sight from leads where duplicate_of is null), asked)
$$;
-- +goose StatementEnd

-- Who follows an order that is given its place follows the place from then on, and is told nothing that they were told. Of who followed both the place's row stays,
-- unless the other alone was confirmed.
-- +goose StatementBegin
create function follow_along() returns trigger language plpgsql as $$
declare
    known constant integer := (select count(*) from place_steps where place = new.place);
begin
    delete from follows f using follows better
    where f.place in (new.id, new.place) and better.place in (new.id, new.place) and better.place <> f.place and lower(better.email) = lower(f.email)
        and f.confirmed_at is null and (better.confirmed_at is not null or f.place = new.id);
    update follows f set told = f.told + other.told, replied = greatest(f.replied, other.replied) from follows other
    where f.place = new.place and other.place = new.id and lower(other.email) = lower(f.email);
    delete from follows f using follows better where f.place = new.id and better.place = new.place and lower(better.email) = lower(f.email);
    update follows set place = new.place, told = told + known where place = new.id;
    return null;
end
$$;
-- +goose StatementEnd
-- At the end of the transaction: the place's steps are written by then.
create constraint trigger orders_placed after update of place on orders deferrable initially deferred
    for each row when (old.place is null and new.place is not null) execute function follow_along();

-- +goose Down
drop trigger orders_placed on orders;
drop function follow_along;
delete from follows f using orders o where o.id = f.place;
-- +goose StatementBegin
create or replace function leads_to(asked text) returns text language sql stable as $$
    with recursive leads as (
        select o.place, o.duplicate_of, 1 as n from orders o where o.place = asked and o.duplicate_of is not null
        union all select o.place, o.duplicate_of, l.n + 1 from leads l join orders o on o.id = l.duplicate_of where l.n < 10)
    select coalesce((select place from leads where duplicate_of is null and place is not null), asked)
$$;
-- +goose StatementEnd
drop index orders_sight;
drop view sights;
