-- +goose Up

-- What waits to be judged, in order of arrival: one row for all that one commit brought into one region. A row an event
-- would cost a third of the durable write. An event's place in the order of arrival is arrival + offset.
alter table pending rename to pending_rows;
create sequence arrivals;                      -- ingest takes numbers for many commits at a time
select setval('arrivals', (select coalesce(max(arrival), 0) + 1 from pending_rows));
create table pending (
    region    bigint not null,
    arrival   bigint not null,                 -- the commit's: the same in all its regions, unique among commits
    received  timestamptz not null,            -- the earliest of its events
    size      integer not null,                -- events
    offsets   integer[] not null,              -- of each event, ascending
    times     timestamptz[] not null,          -- when each was received
    ids       text[] not null,
    devices   text[] not null,
    primary key (region, arrival)
);
insert into pending select region, arrival, received, 1, array[0], array[received], array[id], array[device] from pending_rows;
drop table pending_rows;

-- The same, a row an event.
create view pending_events as
    select p.region, p.arrival + e.at as turn, e.received, e.id, e.device
    from pending p, unnest(p.offsets, p.times, p.ids, p.devices) as e (at, received, id, device);

-- +goose Down
drop view pending_events;
alter table pending rename to pending_blocks;
create table pending (
    region    bigint not null,
    arrival   bigint generated always as identity,
    received  timestamptz not null,
    id        text not null,
    device    text not null,
    primary key (region, arrival)
);
insert into pending (region, received, id, device)
    select p.region, e.received, e.id, e.device
    from pending_blocks p, unnest(p.offsets, p.times, p.ids, p.devices) as e (at, received, id, device) order by p.arrival + e.at;
drop table pending_blocks;
drop sequence arrivals;
