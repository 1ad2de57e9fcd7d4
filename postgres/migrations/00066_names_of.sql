-- +goose Up

-- A place by all names: its own, and those of the places that turned out to be it.
-- +goose StatementBegin
create function names_of(asked text) returns setof text language sql stable as $$
    with recursive names as (
        select asked as id
        union select g.id from names n join places_gone g on g.into_ = n.id)
    select id from names
$$;
-- +goose StatementEnd
create index places_gone_into on places_gone (into_);

-- +goose Down
drop index places_gone_into;
drop function names_of;
