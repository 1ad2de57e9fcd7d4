-- +goose Up

-- The sessions that ingest processes have at an external MQTT broker, by the number in their client identifiers. Who uses one holds an
-- advisory lock; one that nobody holds may have messages left, and is emptied by those that live.
create table broker_sessions (
    number   int primary key,
    used_at  timestamptz not null
);

-- +goose Down
drop table broker_sessions;
