-- +goose Up
alter table orders
    add column escalated_to text,        -- the body above that it was brought before last; none: nobody is above
    add column escalates_at timestamptz; -- when it is brought one higher, if it is still overdue
-- Whoever was told of those that wait already is told once more, and then those above.
update orders set escalates_at = now() where escalated_at is not null and state not in ('repaired', 'verified', 'dismissed');

-- +goose Down
alter table orders drop column escalated_to, drop column escalates_at;
