-- +goose Up

-- In which form crowd keeps its sums (places.estimate, evidence.account, lessons). A version that has another form computes everything again
-- from the log, once. No row: nothing was ever kept, or a form from before this table.
create table crowd_form (
    single   boolean primary key default true check (single),
    version  integer not null
);

-- +goose Down
drop table crowd_form;
