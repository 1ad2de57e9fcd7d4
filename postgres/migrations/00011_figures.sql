-- +goose Up

-- The city's performance, week by week (Mondays, UTC): for the whole city (scope city), by H3 cell of resolution 8 (scope
-- area, by its number), and by body (scope body). dispatch.UpdateFigures keeps it.
create table week_figures (
    week         date not null,
    scope        text not null,
    name         text not null,
    found        integer not null,             -- places that a second device felt
    confirmed    integer not null,
    repaired     integer not null,
    verified     integer not null,             -- repairs that traffic found good
    reopened     integer not null,
    right_       integer not null,             -- orders whose crew found the defect
    wrong        integer not null,             -- and those where it did not
    repair_days  real[] not null,              -- from promotion to the first repair, of those repaired in the week
    primary key (week, scope, name)
);
-- Weeks in which something has changed. Rows are only added, by the transactions that add steps, and taken by the job.
create table figures_due (
    week date not null
);
create index place_steps_at on place_steps (at);
create index order_steps_at on order_steps (at);
create index coverage_day on coverage (day);

-- +goose StatementBegin
create function figures_are_due() returns trigger language plpgsql as $$
begin
    insert into figures_due select distinct date_trunc('week', at at time zone 'UTC')::date from changed;
    return null;
end $$;
-- +goose StatementEnd
create trigger figures_added after insert on place_steps referencing new table as changed for each statement execute function figures_are_due();
create trigger figures_gone after delete on place_steps referencing old table as changed for each statement execute function figures_are_due();
create trigger figures_added after insert on order_steps referencing new table as changed for each statement execute function figures_are_due();
create trigger figures_gone after delete on order_steps referencing old table as changed for each statement execute function figures_are_due();

insert into figures_due
    select date_trunc('week', at at time zone 'UTC')::date from place_steps union
    select date_trunc('week', at at time zone 'UTC')::date from order_steps;

-- +goose Down
drop trigger figures_added on place_steps;
drop trigger figures_gone on place_steps;
drop trigger figures_added on order_steps;
drop trigger figures_gone on order_steps;
drop function figures_are_due;
drop index coverage_day;
drop index order_steps_at;
drop index place_steps_at;
drop table figures_due, week_figures;
