-- +goose Up

-- Up to which change of a place or its order a device has been told what became of what it felt.
alter table devices add column told_at timestamptz;

-- +goose Down
alter table devices drop column told_at;
