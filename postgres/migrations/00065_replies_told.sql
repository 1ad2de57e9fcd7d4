-- +goose Up

-- The newest of the city's replies that was told to who follows a place, or has reported what became an order. What was said before is not
-- told now.
alter table follows add column replied bigint not null default 0;
alter table reports add column replied bigint not null default 0;
update follows set replied = coalesce((select max(n) from order_actions where kind = 'replied'), 0);
update reports set replied = coalesce((select max(n) from order_actions where kind = 'replied'), 0);
create index order_actions_replied on order_actions (order_id, n) where kind = 'replied' and not undone;

-- +goose Down
drop index order_actions_replied;
alter table reports drop column replied;
alter table follows drop column replied;
