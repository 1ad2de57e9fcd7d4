-- +goose Up
alter table sealed_places
    add column votes_known integer not null default 0,
    add column votes_absent integer not null default 0,
    add column votes_repaired integer not null default 0;

-- +goose Down
alter table sealed_places drop column votes_known, drop column votes_absent, drop column votes_repaired;
