-- +goose Up

-- Log odds that a device belongs to those who make things up together; -10: no such ring is known. stranger: the same of a device of
-- which nothing is known.
alter table device_trust add column ring double precision not null default -10;
alter table sealed_trust add column ring double precision not null default -10;
delete from lessons;
delete from sealed_lessons;
alter table lessons add column stranger double precision not null;
alter table sealed_lessons add column stranger double precision not null;

-- +goose Down
alter table device_trust drop column ring;
alter table sealed_trust drop column ring;
alter table lessons drop column stranger;
alter table sealed_lessons drop column stranger;
