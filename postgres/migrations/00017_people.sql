-- +goose Up

-- People who can log in. Those who only look, report and vote need not be here.
create table people (
    id            text primary key,            -- ULID
    email         text not null unique,        -- in small letters
    name          text not null default '',
    role          text not null,               -- resident, crew, dispatcher, supervisor, administrator
    language      text not null default '',    -- empty: as the browser asks
    password      text not null default '',    -- Argon2id with its parameters; empty: none yet, or another service's
    created_at    timestamptz not null,
    confirmed_at  timestamptz,                 -- the address was proved; null: not yet
    disabled_at   timestamptz,
    seen_at       timestamptz,                 -- last login
    issuer        text not null default '',    -- the service that logs this person in (OpenID Connect), and its name there
    subject       text not null default ''
);
create unique index people_subject on people (issuer, subject) where subject <> '';

-- Who is logged in where. Both limits of their time depend on the role (access.Session).
create table sessions (
    id          bigint generated always as identity primary key,
    token       bytea not null unique,         -- SHA-256 of the cookie
    person      text not null references people on delete cascade,
    agent       text not null,                 -- the browser, as it calls itself
    created_at  timestamptz not null,
    seen_at     timestamptz not null           -- to the minute
);
create index sessions_person on sessions (person);
create index sessions_seen on sessions (seen_at);

-- Links in mails that let somebody choose a password: of a person, or of an address that wants to become one.
create table people_links (
    token       bytea primary key,             -- SHA-256 of the link's secret
    person      text references people on delete cascade,
    email       text not null,
    expires_at  timestamptz not null
);
create index people_links_person on people_links (person);
create index people_links_expires on people_links (expires_at);

-- What was tried and how often since when: by an account, by an address, by both. Keys are hashes.
create table attempts (
    key    bytea primary key,
    n      integer not null,
    since  timestamptz not null
);
create index attempts_since on attempts (since);

-- What somebody reported and follows is shown to whoever proved to have the address.
create index reports_email on reports (lower(email)) where email <> '';
create index follows_email on follows (lower(email));

-- +goose Down
drop index reports_email, follows_email;
drop table attempts, people_links, sessions, people;
