-- +goose Up

-- Keys with which programs act for a person: shown once, stored as SHA-256.
create table api_keys (
    id          bigint generated always as identity primary key,
    person      text not null references people on delete cascade,
    name        text not null,
    start       text not null,                 -- how the key begins, to tell keys apart
    hash        bytea not null unique,
    scopes      text[] not null,               -- read, orders:write, devices:write
    created_at  timestamptz not null,
    expires_at  timestamptz,                   -- null: never
    used_at     timestamptz                    -- to the minute
);
create index api_keys_person on api_keys (person);

-- What one voter said, for those who are logged in.
create index votes_by_voter on votes (voter) where voter is not null;

-- +goose Down
drop index votes_by_voter;
drop table api_keys;
