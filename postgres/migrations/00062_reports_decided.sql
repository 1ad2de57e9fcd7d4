-- +goose Up

-- What a dispatcher decided on a report where no place is known.
alter table reports
    add column decided_at  timestamptz,                 -- null: nothing yet
    add column decision    text not null default '',    -- ordered, or a verdict
    add column decided_by  text not null default '',    -- a person's id; empty: it is about what another report is about
    add column batch       text not null default '',
    add column work_order  text references orders,      -- that was written
    add column told        text not null default '';    -- the state of it that whoever reported was told last
create index reports_undecided on reports (confirmed_at) where place is null and confirmed_at is not null and decided_at is null;
create index reports_decided on reports (decided_by, decided_at) where decided_at is not null;
create index reports_order on reports (work_order) where work_order is not null;

-- +goose Down
alter table reports drop column decided_at, drop column decision, drop column decided_by, drop column batch, drop column work_order, drop column told;
