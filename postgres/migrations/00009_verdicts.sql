-- +goose Up

-- What a crew has found at a place: the class, or nothing. Empty: nobody has said. It is a label that the city learns from.
alter table places add column verdict text not null default '';
alter table sealed_places add column verdict text not null default '';
alter table decisions add column verdict text not null default '';
alter table order_steps add column found text not null default '';

-- +goose Down
alter table order_steps drop column found;
alter table decisions drop column verdict;
alter table sealed_places drop column verdict;
alter table places drop column verdict;
