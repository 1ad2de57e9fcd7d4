-- +goose Up

-- What the classes look like in this city is learned from all that is measured on a jolt: for jolts without and with a waveform, by class,
-- the bias and the weights of a linear discriminant. What was learned in the old form is computed again (crowd_form).
delete from lessons;
delete from sealed_lessons;
alter table lessons drop column centres, add column likeness double precision[] not null;
alter table sealed_lessons drop column centres, add column likeness double precision[] not null;

-- +goose Down
delete from lessons;
delete from sealed_lessons;
alter table lessons drop column likeness, add column centres double precision[] not null;
alter table sealed_lessons drop column likeness, add column centres double precision[] not null;
