-- +goose Up

-- How often each file of open data was fetched, by month: a number and nothing of who did.
create table downloads (
    month    date not null,
    dataset  text not null,
    format   text not null,
    n        bigint not null,
    primary key (month, dataset, format)
);

-- +goose Down
drop table downloads;
