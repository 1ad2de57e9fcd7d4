-- +goose Up
-- The first epoch that was judged: what a city teaches is looked at more often while it is young.
alter table epoch add column began bigint;
update epoch set began = coalesce((select floor(extract(epoch from min(received)) / 3600) from events), hour);
alter table epoch alter column began set not null;

-- Whether a place has come since devices drive there, by when it was felt: the logarithm of how much likelier that is.
alter table places add column came double precision not null default 0;
alter table sealed_places add column came double precision not null default 0;

-- Rows that judging writes again and again stay on their page, and leave the indexes alone.
drop index places_idle;
alter table places set (fillfactor = 50);
alter table evidence set (fillfactor = 70);
alter table device_trust set (fillfactor = 50);

-- +goose Down
alter table sealed_places drop column came;
alter table places drop column came;
alter table device_trust reset (fillfactor);
alter table evidence reset (fillfactor);
alter table places reset (fillfactor);
create index places_idle on places (last_at) where state = 'suspected';
alter table epoch drop column began;
