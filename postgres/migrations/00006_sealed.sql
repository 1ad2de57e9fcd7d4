-- +goose Up

-- What a device said that is gone from the log stays as a voice that nobody can be recognised in: a row of evidence whose device is
-- ~, the day of sealing and a random number. rebuild cannot repeat it, so the state as of a sealing is kept in these tables, and rebuild
-- begins there. They have the columns of those that they copy: a migration that changes one changes the other.
create table sealed_places (like places);
create table sealed_evidence (like evidence);
create table sealed_trust (like device_trust);
create table sealed_lessons (like lessons);
-- One row: when that was.
create table sealed (
    single  boolean primary key default true check (single),
    n       bigint not null,                   -- of the order of judgement: all before and with it is in the copy
    hour    bigint not null,                   -- the epoch
    fresh   boolean not null                   -- something had been judged since learning last looked
);
-- How often anything was sealed: whoever remembers devices forgets them when it changes.
alter table epoch add column seal bigint not null default 0;
-- A device whose owner wants everything about it to go.
alter table devices add column erase_at timestamptz;
create index devices_erase on devices (erase_at) where erase_at is not null;

-- +goose Down
alter table devices drop column erase_at;
alter table epoch drop column seal;
drop table sealed, sealed_lessons, sealed_trust, sealed_evidence, sealed_places;
