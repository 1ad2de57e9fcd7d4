-- +goose Up

-- What stands in the streets, by who says so: OpenStreetMap, or a city's register under its own name. cell is null in rows
-- from before this migration until a server starts (geo.PlaceFurniture).
alter table furniture
    alter column id type text using id::text,
    add column source       text not null default 'openstreetmap',
    add column heading_deg  double precision,  -- direction of the lanes that it lies in; null: not known, or all
    add column cell         bigint;            -- H3 resolution 12
alter table furniture drop constraint furniture_pkey;
alter table furniture add primary key (source, id);
create index furniture_cell on furniture (cell);

-- Pothole cases of a 311 system: weak evidence for their time.
create table cases (
    source  text not null,
    id      text not null,
    lat     double precision not null,
    lon     double precision not null,
    cell    bigint not null,                   -- H3 resolution 12
    opened  timestamptz not null,
    closed  timestamptz,                       -- null: open
    primary key (source, id)
);
create index cases_cell on cases (cell);

-- Watch lists: what passing phones are asked about, by region. Any ingest node publishes them as they stand here.
create table watch_lists (
    region      bigint primary key,
    version     bigint not null,
    payload     text not null,                 -- what is published, byte by byte
    updated_at  timestamptz not null,          -- by the clock of decisions
    seen        bigint not null,               -- the region's version that it was made of
    day         date not null                  -- of its control points
);
-- Every point that was published, and what it stands for; those that are listed no more for some time yet.
create table watch_points (
    id           text primary key,
    region       bigint not null,
    place        text,                         -- null: a control point
    stretch      boolean not null,             -- a stretch of street, not a position
    lat          double precision not null,
    lon          double precision not null,
    heading_deg  double precision not null,
    radius_m     double precision not null,
    street       bigint not null,              -- the way's id; 0: not known
    cell         bigint not null,              -- H3 resolution 12
    since        timestamptz not null,
    until        timestamptz                   -- null: it is listed now
);
create index watch_points_region on watch_points (region);
create index watch_points_until on watch_points (until) where until is not null;
create index places_region on places (region);
-- One row. Who has the key can tell control points from places: it is never published.
create table watch_state (
    single  boolean primary key default true check (single),
    key     bytea not null,
    began   timestamptz not null,              -- when the first list was made
    hour    bigint not null                    -- the epoch that the lists were last made in
);
-- What judging heard since the last epoch of answers that tell something of their device. Rows are only inserted, then
-- summed and deleted when an epoch has passed.
create table answer_marks (
    epoch       bigint not null,
    device      text not null,
    time        timestamptz not null,
    point       text,                          -- the control point; null: an answer that cannot be true
    lat         double precision not null,     -- of the control point
    lon         double precision not null,
    radius_m    double precision not null,
    street      bigint not null,
    cell        bigint not null                -- H3 resolution 9
);
-- How often control points were answered for: coverage by street.
create table control_answers (
    point    text not null,
    day      date not null,
    street   bigint not null,                  -- 0: not known
    cell     bigint not null,                  -- H3 resolution 9
    answers  integer not null,
    primary key (point, day)
);
-- A device's exposure, and how often it answered what cannot be true.
create table device_answers (
    device              text not null,
    day                 date not null,
    control_answers     integer not null,
    impossible_answers  integer not null,
    primary key (device, day)
);
-- Each device's newest answer for a control point, for some hours: from there it must be able to drive to the next.
create table last_answers (
    device    text primary key,
    time      timestamptz not null,
    lat       double precision not null,
    lon       double precision not null,
    radius_m  double precision not null
);

-- +goose Down
drop table last_answers, device_answers, control_answers, answer_marks, watch_state, watch_points, watch_lists, cases;
drop index places_region;
delete from furniture where source <> 'openstreetmap';
drop index furniture_cell;
alter table furniture drop constraint furniture_pkey;
alter table furniture
    drop column source, drop column heading_deg, drop column cell,
    alter column id type bigint using id::bigint;
alter table furniture add primary key (id);
