-- +goose Up
-- That a deadline was kept after all is noted beside what the crew's word changed, as the passing of deadlines is.
drop index order_actions_version;
create unique index order_actions_version on order_actions (order_id, version) where kind not in ('warned', 'overdue', 'escalated', 'in_time');

-- +goose Down
delete from order_actions where kind = 'in_time';
drop index order_actions_version;
create unique index order_actions_version on order_actions (order_id, version) where kind not in ('warned', 'overdue', 'escalated');
