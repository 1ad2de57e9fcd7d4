-- +goose Up

-- What an administrator says of a body beside its boundary. A body is never deleted, as orders name it: it is retired, and gets none from
-- then on.
alter table bodies
    add column level       text not null default '' check (level in ('', 'district', 'city', 'region', 'province')),
    add column phone       text not null default '',
    add column retired_at  timestamptz,
    add column version     bigint not null default 1;  -- counts changes: who changes it says which one they saw

-- What the works department is given by its administrator counts from then on: orders from before keep what they had, also where that
-- was no deadline.
alter table works
    add column version  bigint not null default 1,
    add column since    timestamptz;                   -- of the last change; null: as delivered

-- +goose Down
alter table works drop column version, drop column since;
alter table bodies drop column level, drop column phone, drop column retired_at, drop column version;
