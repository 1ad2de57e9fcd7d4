-- +goose Up

-- Why a place was believed when its order was written, word for word as it stood then: counts and kinds of reasons, and what would
-- have changed them. No device and no time is in it. It never changes.
create table promotions (
    order_id     text primary key references orders on delete cascade,
    explanation  jsonb not null
);
-- +goose StatementBegin
create function promotions_stay() returns trigger language plpgsql as $$
begin
    raise exception 'the explanation of a promotion never changes';
end $$;
-- +goose StatementEnd
create trigger promotions_stay before update on promotions for each row execute function promotions_stay();

-- +goose Down
drop table promotions;
drop function promotions_stay;
