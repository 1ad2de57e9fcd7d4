-- +goose Up

-- Of how many waveforms of the device at the place an imprint is kept (bits 0 to 3), how many are like an earlier one of another device
-- elsewhere (4 to 7), and how many only like later ones (8 to 11). The imprints themselves are in the account; what was stored in the old form
-- is computed again (crowd_form).
alter table evidence add column copied smallint not null default 0;
alter table sealed_evidence add column copied smallint not null default 0;
-- How often waveforms are like earlier ones, and like later ones: those of what is made up, then of what is there.
delete from lessons;
delete from sealed_lessons;
alter table lessons add column copies double precision[] not null;
alter table sealed_lessons add column copies double precision[] not null;

-- +goose Down
alter table evidence drop column copied;
alter table sealed_evidence drop column copied;
alter table lessons drop column copies;
alter table sealed_lessons drop column copies;
