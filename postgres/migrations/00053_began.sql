-- +goose Up
-- The first epoch that was judged: what a city teaches is looked at more often while it is young.
alter table epoch add column began bigint;
update epoch set began = coalesce((select floor(extract(epoch from min(received)) / 3600) from events), hour);
alter table epoch alter column began set not null;

-- +goose Down
alter table epoch drop column began;
