-- +goose Up

-- Who may send. A device that a replay enrolled has no secret and cannot log in.
create table devices (
    id             text primary key,
    name           text not null default '',
    app            text not null default '',
    kind           text not null default '',
    secret_sha256  bytea,
    enrolled_at    timestamptz not null,
    revoked_at     timestamptz,
    connection     bigint not null default 0,  -- counts its connections: an older one's last word never counts
    -- presence, from the retained status topic
    online         boolean not null default false,
    status         jsonb,
    status_at      timestamptz
);
create index devices_revoked on devices (revoked_at) where revoked_at is not null;

-- The log. (id, device) is an event's identity; ids first, because ULIDs append at the right edge.
-- wave holds int16 milli-g, little endian.
create table events (
    id           text not null,
    device       text not null,
    kind         smallint not null,            -- 0 bump, 1 pass
    time         timestamptz not null,
    received     timestamptz not null,
    lat          double precision not null,
    lon          double precision not null,
    accuracy_m   real not null,
    speed_mps    real not null,
    heading_deg  real,
    peak_g       real not null,
    duration_s   real not null,
    rate_hz      real not null,
    wave         bytea,
    place        text,
    cell         bigint not null,              -- H3 resolution 12
    region       bigint not null,              -- its parent at resolution 7
    primary key (id, device)
);

-- What waits to be judged, in order of arrival. Rows are only inserted and deleted, never updated.
create table pending (
    region    bigint not null,
    arrival   bigint generated always as identity,
    received  timestamptz not null,
    id        text not null,
    device    text not null,
    primary key (region, arrival)
);

-- Payloads that could not be read at all, for the operator.
create table quarantine (
    n         bigint generated always as identity primary key,
    received  timestamptz not null,
    device    text not null,
    source    text not null,                   -- mqtt or http
    reason    text not null,
    payload   bytea not null                   -- its first 64 KiB
);

-- Streets, known furniture and ground of the map, from OpenStreetMap.
create table streets (
    id        bigint primary key,              -- the way's id
    name      text not null,
    class     text not null,                   -- the value of highway=
    oneway    boolean not null,
    lanes     smallint not null,               -- 0: not known
    line      bytea not null                   -- WKB LineString, lon lat
);
create table furniture (
    id        bigint primary key,              -- the node's id
    kind      text not null,                   -- speed_bump, rail, casting
    lat       double precision not null,
    lon       double precision not null
);
create table ground (
    id        bigint generated always as identity primary key,
    kind      text not null,                   -- water, waterway, wood, vineyard, park, rail
    name      text not null,
    shape     bytea not null                   -- WKB
);
-- One row: what the map covers, and the attribution that must stand on it.
create table map_extent (
    single       boolean primary key default true check (single),
    min_lat      double precision not null,
    min_lon      double precision not null,
    max_lat      double precision not null,
    max_lon      double precision not null,
    attribution  text not null,
    imported_at  timestamptz not null
);

-- Crowd: the epoch that is being judged (hours since 1970 of the decision clock), one row.
create table epoch (
    single boolean primary key default true check (single),
    hour   bigint not null
);

-- A region is judged by one worker at a time: the row's lock is the lease. version counts the changes of its places.
create table regions (
    region   bigint primary key,
    version  bigint not null default 0
);

-- The order of judgement, which export events follows and rebuild repeats.
create table judgements (
    n         bigint primary key,
    id        text not null,
    device    text not null,
    received  timestamptz not null             -- the clock of the decision, never before the epoch it was judged in
);
create sequence judgement_n;

create table places (
    id             text primary key,
    region         bigint not null,
    cell           bigint not null,            -- H3 resolution 12, of the estimate
    lat            double precision not null,
    lon            double precision not null,
    heading_deg    double precision,           -- null: felt both ways
    uncertainty_m  double precision not null,
    state          text not null,              -- suspected, confirmed, faded, dismissed
    state_at       timestamptz not null,
    class          text not null,
    belief         real[] not null,            -- pothole, casting, joint, rail, speed_bump, nothing
    severity       real not null,
    devices        integer not null,           -- independent devices that felt it
    passes         integer not null,           -- smooth passes
    first_at       timestamptz not null,       -- first jolt
    last_at        timestamptz not null,       -- last jolt
    repaired_at    timestamptz,                -- a crew repaired it: evidence counts from here
    ordered        boolean not null default false, -- it has, or had, a work order: its name stays
    shown          boolean not null,           -- a second device has felt it
    reviewed       boolean not null,           -- it has been on the review list
    steps          integer not null,           -- steps of its story so far
    estimate       bytea not null              -- crowd's own; nothing else reads it
);
create index places_cell on places (cell);
create index places_where on places (lat, lon);     -- what a map shows
create index places_state on places (state_at desc, id desc);
create index places_idle on places (last_at) where state = 'suspected';

-- One row for a device at a place: one independent reason.
create table evidence (
    place    text not null references places on delete cascade,
    device   text not null,
    hits     integer not null,
    misses   integer not null,
    first_at timestamptz not null,
    last_at  timestamptz not null,
    account  bytea not null,                   -- crowd's sums for this device here
    primary key (place, device)
);
create index evidence_device on evidence (device);

-- A place's story, step by step, as the public reads it.
create table place_steps (
    place    text not null references places on delete cascade,
    n        integer not null,
    at       timestamptz not null,
    kind     text not null,                    -- first_jolt, suspected, confirmed, review, faded, dismissed, revived
    words    jsonb not null,                   -- the numbers of the sentence
    primary key (place, n)
);

-- What is learned of a device, as of the last epoch: how often it agreed with what others settled, how often
-- others contradicted it.
create table device_trust (
    device        text primary key,
    agreed        bigint not null,             -- thousandths, so that sums are exact in any order
    contradicted  bigint not null,
    epoch         bigint not null              -- when it last changed
);
create index device_trust_epoch on device_trust (epoch);
-- What judging learned since the last epoch. Rows are only inserted, then summed and deleted by the epoch.
create table trust_marks (
    device        text not null,
    agreed        bigint not null,
    contradicted  bigint not null
);

-- Confirmed places of the other actionable classes: a dispatcher decides.
create table reviews (
    place     text primary key references places on delete cascade,
    class     text not null,
    at        timestamptz not null
);

-- How often ground is driven, by resolution 9 cell and day.
create table coverage (
    cell     bigint not null,
    day      date not null,
    events   integer not null,
    primary key (cell, day)
);

create table orders (
    id           text primary key,
    seq          bigint not null unique,       -- the number's figures
    number       text not null unique,
    place        text not null unique references places,
    class        text not null,
    severity     real not null,
    probability  real not null,
    devices      integer not null,
    state        text not null,
    street       text not null,
    body         text not null default '',
    promoted_at  timestamptz not null,
    state_at     timestamptz not null,
    external_id  text not null default ''
);
create index orders_promoted on orders (promoted_at desc, id desc);
create table order_steps (
    order_id  text not null references orders on delete cascade,
    n         integer not null,
    at        timestamptz not null,
    state     text not null,
    actor     text not null,
    reason    text not null,
    primary key (order_id, n)
);
create table order_seq (
    single boolean primary key default true check (single),
    last   bigint not null
);
insert into order_seq (last) values (0);

-- +goose Down
drop table order_seq, order_steps, orders, coverage, reviews, device_trust, trust_marks, place_steps, evidence, places,
    judgements, regions, epoch, map_extent, ground, furniture, streets, quarantine, pending, events, devices;
drop sequence judgement_n;
