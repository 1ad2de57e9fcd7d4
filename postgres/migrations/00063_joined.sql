-- +goose Up

-- The place that another turned out to be, however often it was joined with one more; null where it is a place still, or never was one.
-- +goose StatementBegin
create function joined_to(asked text) returns text language sql stable as $$
    with recursive way as (
        select into_, 1 as n from places_gone where id = asked and not exists (select 1 from places where id = asked)
        union all select g.into_, w.n + 1 from way w join places_gone g on g.id = w.into_
            where w.n < 100 and not exists (select 1 from places p where p.id = w.into_))
    select w.into_ from way w where exists (select 1 from places p where p.id = w.into_) limit 1
$$;
-- +goose StatementEnd
create index reports_place on reports (place) where place is not null;

-- +goose Down
drop index reports_place;
drop function joined_to;
