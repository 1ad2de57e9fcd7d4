-- +goose Up
-- Classes beside potholes that become work orders by themselves where they are severe.
alter table settings add column order_classes text[] not null default '{}';

-- +goose Down
alter table settings drop column order_classes;
