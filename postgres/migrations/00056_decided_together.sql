-- +goose Up

-- Decisions of one stroke are taken back together.
alter table reviews add column batch text not null default '';

-- +goose Down
alter table reviews drop column batch;
