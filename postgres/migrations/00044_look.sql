-- +goose Up

-- How a city's pages look, one row.
create table look (
    single   boolean primary key default true check (single),
    accent   text not null default '' check (accent ~ '^(#[0-9a-f]{6})?$'), -- of what is to be pressed; empty: as delivered
    logo     bytea,                            -- PNG, as it was drawn anew; null: as delivered
    width    integer not null default 0,       -- pixels
    height   integer not null default 0,
    version  bigint not null default 1
);
insert into look default values;

-- +goose Down
drop table look;
