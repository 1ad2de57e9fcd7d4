-- +goose Up
alter table saved_views add column shared boolean not null default false; -- everybody at the console has it

-- +goose Down
alter table saved_views drop column shared;
