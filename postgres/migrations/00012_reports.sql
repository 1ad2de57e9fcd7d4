-- +goose Up

-- Reports by hand. Who reports gives an e-mail address, which is shown to nobody and forgotten with the report's last mail.
create table reports (
    id            text primary key,
    token         bytea not null unique,       -- SHA-256 of the link's secret
    category      text not null,               -- pothole, casting, joint, other
    words         text not null default '',
    lat           double precision not null,
    lon           double precision not null,
    street        text not null default '',
    email         text not null,               -- empty: forgotten
    language      text not null,
    created_at    timestamptz not null,
    confirmed_at  timestamptz,                 -- null: the mail's link was not followed yet
    place         text                         -- the place that it turned out to be
);
create index reports_open on reports (created_at) where confirmed_at is null;
create index reports_placeless on reports (confirmed_at) where place is null;
-- Photos, decoded and encoded anew. Those of drafts (no such report yet) go after a day.
create table report_photos (
    report      text not null,
    n           integer not null,
    jpeg        bytea not null,
    width       integer not null,
    height      integer not null,
    created_at  timestamptz not null,
    primary key (report, n)
);
create index report_photos_at on report_photos (created_at);

-- Confirmed reports as crowd weighs them, in the order of judgement: rebuild repeats it.
create table hand_reports (
    n      bigint primary key default nextval('judgement_n'),
    id     text not null unique,
    class  text not null,
    lat    double precision not null,
    lon    double precision not null,
    cell   bigint not null,                    -- H3 resolution 12
    at     timestamptz not null,
    epoch  bigint not null                     -- that was being judged
);
create index hand_reports_cell on hand_reports (cell);

-- Mail to be sent, and what was sent: the text goes when it is sent.
create table mails (
    id          bigint generated always as identity primary key,
    recipient   text not null,
    subject     text not null,
    body        text not null,
    created_at  timestamptz not null,
    due_at      timestamptz not null,
    tries       integer not null default 0,
    sent_at     timestamptz,
    error       text not null default ''
);
create index mails_due on mails (due_at) where sent_at is null;

-- Who follows a place by e-mail.
create table follows (
    id            bigint generated always as identity primary key,
    place         text not null,
    email         text not null,
    language      text not null,
    token         bytea not null unique,       -- SHA-256 of the links' secret
    secret        text not null,               -- it, to write links into mails
    created_at    timestamptz not null,
    confirmed_at  timestamptz,
    told          integer not null default 0,  -- steps of the place and its order that were told
    asked_at      timestamptz,                 -- whether a repair is good
    unique (place, email)
);
create index follows_place on follows (place) where confirmed_at is not null;

-- +goose Down
drop table follows, mails, hand_reports, report_photos, reports;
