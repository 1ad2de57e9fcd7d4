-- +goose Up

-- Enrolment codes can be named, told apart and taken back, and what each has let in is known.
alter table enrol_codes
    add column id bigint generated always as identity unique,
    add column start text not null default '',   -- how the code begins
    add column revoked_at timestamptz;            -- null: it is still good
alter table devices add column code bigint;      -- that it enrolled with; null: none
create index devices_code on devices (code) where code is not null;

-- +goose Down
drop index devices_code;
alter table devices drop column code;
alter table enrol_codes drop column id, drop column start, drop column revoked_at;
