-- +goose Up

-- Where a place leads whose order was merged into another's, however often: to itself where it was not. Who follows the one follows the
-- other by that.
-- +goose StatementBegin
create function leads_to(asked text) returns text language sql stable as $$
    with recursive leads as (
        select o.place, o.duplicate_of, 1 as n from orders o where o.place = asked and o.duplicate_of is not null
        union all select o.place, o.duplicate_of, l.n + 1 from leads l join orders o on o.id = l.duplicate_of where l.n < 10)
    select coalesce((select place from leads where duplicate_of is null and place is not null), asked)
$$;
-- +goose StatementEnd

-- +goose Down
drop function leads_to;
