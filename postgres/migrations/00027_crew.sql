-- +goose Up

-- Where a crew sets out from. Null: not known, and a day may begin at any stop.
alter table crews
    add column lat double precision,
    add column lon double precision;

-- Photos that crews take of orders. They are decoded and encoded anew before, so that nothing but the picture is left. The works
-- department alone sees them.
create table order_photos (
    id         text primary key,
    order_id   text not null references orders on delete cascade,
    taken      text not null,                  -- before, after, or empty: of neither
    at         timestamptz not null,
    jpeg       bytea not null,
    width      integer not null,
    height     integer not null
);
create index order_photos_order on order_photos (order_id, at);

-- +goose Down
drop table order_photos;
alter table crews drop column lat, drop column lon;
