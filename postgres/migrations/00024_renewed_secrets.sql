-- +goose Up

-- The secret that a device had before it renewed it: good until the new one is first used, so that an answer lost on its way locks
-- nobody out.
alter table devices add column former_sha256 bytea;

-- +goose Down
alter table devices drop column former_sha256;
