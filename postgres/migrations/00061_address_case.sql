-- +goose Up
-- An address is one however it is written: follows that differ in letters alone are one, the confirmed or else the oldest.
delete from follows f using follows better
where better.place = f.place and lower(better.email) = lower(f.email) and better.id <> f.id
  and (better.confirmed_at is null, better.id) < (f.confirmed_at is null, f.id);
alter table follows drop constraint follows_place_email_key;
create unique index follows_place_email on follows (place, lower(email));

-- +goose Down
drop index follows_place_email;
alter table follows add constraint follows_place_email_key unique (place, email);
