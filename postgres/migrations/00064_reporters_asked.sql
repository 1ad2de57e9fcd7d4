-- +goose Up

-- When whoever reported was asked whether the repair is good, where the order has no place.
alter table reports add column asked_at timestamptz;

-- +goose Down
alter table reports drop column asked_at;
