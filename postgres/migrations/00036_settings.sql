-- +goose Up

-- What an administrator sets for the city. Null: as the server was started (its flags).
create table settings (
    single            boolean primary key default true check (single),
    city              text check (char_length(city) between 1 and 80),
    promise_days      double precision check (promise_days between 0 and 3650), -- 0: no promise
    suspected         text check (suspected in ('no', 'coarse', 'yes')),
    retain_days       integer check (retain_days between 0 and 3650),           -- 0: for ever
    false_order_cost  double precision check (false_order_cost > 0),
    missed_day_cost   double precision check (missed_day_cost > 0),
    version           bigint not null default 1
);
insert into settings default values;

-- +goose Down
drop table settings;
