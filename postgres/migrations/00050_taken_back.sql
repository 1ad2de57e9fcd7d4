-- +goose Up

-- A step that was taken back, or that took one back: the story tells it, and no figure counts it.
alter table order_steps add column undone boolean not null default false;
create trigger figures_changed after update on order_steps referencing new table as changed for each statement execute function figures_are_due();

-- What was known of a place when it was repaired, for as long as the repair can be taken back. Rows go after two days.
create table put_aside (
    place           text primary key references places on delete cascade,
    at              timestamptz not null default now(), -- by the wall's clock
    verdict         text not null,
    repaired_at     timestamptz,
    votes_known     integer not null,
    votes_absent    integer not null,
    votes_repaired  integer not null
);
create table put_aside_evidence (
    place     text not null references put_aside on delete cascade,
    device    text not null,
    hits      integer not null,
    misses    integer not null,
    first_at  timestamptz not null,
    last_at   timestamptz not null,
    account   bytea not null,
    alone     smallint not null,
    copied    smallint not null,
    primary key (place, device)
);
create index put_aside_evidence_device on put_aside_evidence (device);

-- +goose Down
drop table put_aside_evidence, put_aside;
drop trigger figures_changed on order_steps;
alter table order_steps drop column undone;
