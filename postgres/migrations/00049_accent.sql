-- How a device's jolts differ from what others feel at the same places: numbers in double precision, least significant byte first.
-- +goose Up
alter table device_trust add column accent bytea not null default '';
alter table sealed_trust add column accent bytea not null default '';

-- +goose Down
alter table device_trust drop column accent;
alter table sealed_trust drop column accent;
