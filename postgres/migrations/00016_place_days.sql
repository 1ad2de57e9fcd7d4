-- +goose Up

-- What was felt at each place, by day (UTC): numbers only, nothing of who felt it. Half a year back a week is one row, that of its Monday.
-- kept_… is what of it was sealed last: rebuild begins there. No foreign key: when places become one, the row of the other goes first.
create table place_days (
    place         text not null,
    day           date not null,
    jolts         integer not null default 0,
    passes        integer not null default 0,
    severity      real,                        -- as believed at the day's last event; null: not known since a repair
    kept_jolts    integer not null default 0,
    kept_passes   integer not null default 0,
    kept_severity real,
    primary key (place, day)
);
create index place_days_day on place_days using brin (day);

-- +goose Down
drop table place_days;
