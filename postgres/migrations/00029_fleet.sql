-- +goose Up

-- What each device said on a day, as far as it tells how the device is: written now and then by those who take events in, so that a
-- crash forgets the last half minute. No evidence rests on it. Days older than a month go.
create table device_days (
    device   text not null,
    day      date not null,
    jolts    integer not null,
    passes   integer not null,
    least_g  real,                             -- smallest and largest peak of its jolts
    most_g   real,
    last_at  timestamptz not null,             -- when its last batch came
    primary key (device, day)
);

alter table devices add column fleet text not null default '';
create index devices_enrolled on devices (enrolled_at desc, id desc);

-- Codes with which a fleet's devices enrol. Stored as SHA-256.
create table enrol_codes (
    hash        bytea primary key,
    fleet       text not null,
    most        integer not null,              -- devices that may enrol with it
    used        integer not null default 0,
    expires_at  timestamptz,                   -- null: never
    created_at  timestamptz not null
);

-- The detector's parameters for a kind of device, in the order in which they were given out. The newest with a share of 1 that was not
-- taken back is for all; a newer one with a smaller share is tried by that share of the devices.
create table detector_revisions (
    revision    bigint generated always as identity primary key,
    profile     text not null,                 -- kind of device: phone, vehicle
    parameters  jsonb not null,
    share       double precision not null check (share >= 0 and share <= 1),
    note        text not null default '',
    at          timestamptz not null,
    ended_at    timestamptz                    -- it was taken back
);
create index detector_revisions_profile on detector_revisions (profile, revision desc);

-- +goose Down
drop table detector_revisions, enrol_codes;
drop index devices_enrolled;
alter table devices drop column fleet;
drop table device_days;
