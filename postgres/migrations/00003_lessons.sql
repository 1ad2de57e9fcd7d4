-- +goose Up

-- What is learned of devices and of the city changes at epochs only, and from everything that was judged before.
drop table trust_marks, device_trust;
create table device_trust (
    device       text primary key,
    sensitivity  double precision not null,    -- how often it feels what others feel; 1 is usual
    jolts        double precision not null,    -- places that it felt
    invented     double precision not null,    -- of them places that seem made up
    agreed       double precision not null,    -- of them places that others felt too
    epoch        bigint not null               -- when it last changed
);
create index device_trust_epoch on device_trust (epoch);
-- One row: what the city has taught of all its devices and places.
create table lessons (
    single   boolean primary key default true check (single),
    epoch    bigint not null,
    usual    double precision not null,        -- share of all jolts that seem made up
    alone    double precision not null,        -- share of honest jolts that are on no drive
    typical  double precision not null,        -- places where the device agreed that felt a jolt somewhere
    centres  double precision[] not null       -- mean scores, without and with a waveform, by class
);
-- Places that judging has touched, by epoch: learning reads only what is new. Kept for some days.
create table touched (
    epoch  bigint not null,
    place  text not null
);
create index touched_epoch on touched (epoch);
alter table evidence
    add column epoch bigint not null default 0,     -- in which the row last changed
    add column alone smallint not null default -1;  -- the device's jolts here are on no drive: 1, on one: 0, not known: -1
-- Places that turned out to be another one.
create table places_gone (
    id     text primary key,
    into_  text not null,
    epoch  bigint not null
);
create index places_gone_epoch on places_gone (epoch);

-- What people found out about places, in the order of judgement: rebuild repeats it.
create table decisions (
    n      bigint primary key default nextval('judgement_n'),
    place  text not null,
    kind   text not null,                      -- dismissed, confirmed (a dismissal taken back), repaired
    at     timestamptz not null
);

-- +goose Down
drop table decisions, places_gone, touched, lessons, device_trust;
alter table evidence drop column epoch, drop column alone;
create table device_trust (
    device        text primary key,
    agreed        bigint not null,
    contradicted  bigint not null,
    epoch         bigint not null
);
create index device_trust_epoch on device_trust (epoch);
create table trust_marks (
    device        text not null,
    agreed        bigint not null,
    contradicted  bigint not null
);
