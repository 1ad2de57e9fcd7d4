-- +goose Up

-- What passers-by say of places, in the order of judgement: rebuild repeats it. Rows are only added; a person who says
-- something else adds one that replaces it. place is its name when it was said, also where it was joined with another since.
create table votes (
    n         bigint primary key default nextval('judgement_n'),
    place     text not null,
    kind      text not null,                   -- known, absent, repaired
    replaces  text not null default '',        -- what the same person said before
    at        timestamptz not null,
    epoch     bigint not null,                 -- that was being judged
    voter     bytea,                           -- keyed hashes, of a cookie and of an address: to tell people apart while the
    house     bytea                            -- key lives (people_keys); null after that
);
create index votes_voter on votes (place, voter) where voter is not null;
create index votes_at on votes (at) where voter is not null;
-- What those who spoke since the last repair say now.
alter table places
    add column votes_known    integer not null default 0,
    add column votes_absent   integer not null default 0,
    add column votes_repaired integer not null default 0;
-- The keys of those hashes, by the number of four weeks since 1970. A key that is gone makes its hashes mean nothing.
create table people_keys (
    term  bigint primary key,
    key   bytea not null
);

-- +goose Down
drop table people_keys;
alter table places drop column votes_known, drop column votes_absent, drop column votes_repaired;
drop table votes;
