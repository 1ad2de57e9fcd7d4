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

-- +goose Down
drop table cases;
delete from furniture where source <> 'openstreetmap';
drop index furniture_cell;
alter table furniture drop constraint furniture_pkey;
alter table furniture
    drop column source, drop column heading_deg, drop column cell,
    alter column id type bigint using id::bigint;
alter table furniture add primary key (id);
