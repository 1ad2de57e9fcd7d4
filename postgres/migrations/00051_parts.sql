-- +goose Up

-- What was split off an order is told with it.
create index orders_split on orders (split_from) where split_from is not null;

-- +goose Down
drop index orders_split;
