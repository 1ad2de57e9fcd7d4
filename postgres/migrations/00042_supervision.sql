-- +goose Up

-- Which kinds of device had felt a place when its order was written, and how many of each: that is how accurate a kind is told once its
-- evidence is gone. No device can be recognised in it.
create table promotion_kinds (
    order_id  text not null references orders on delete cascade,
    kind      text not null,                   -- as devices say: phone, vehicle; empty: not known
    app       text not null,                   -- without its version
    devices   integer not null,
    primary key (order_id, kind, app)
);
insert into promotion_kinds
    select o.id, coalesce(d.kind, ''), coalesce(split_part(d.app, '/', 1), ''), count(*)
    from orders o join evidence e on e.place = o.place left join devices d on d.id = e.device
    where e.hits > 0 group by 1, 2, 3;
create index order_actions_figures on order_actions (at) where kind in ('repaired', 'dismissed', 'overdue');
create index order_steps_settled on order_steps (at) where state in ('repaired', 'dismissed');

-- +goose Down
drop index order_steps_settled, order_actions_figures;
drop table promotion_kinds;
