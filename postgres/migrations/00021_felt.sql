-- +goose Up

-- Events by their time: they come nearly in its order, so that a block range index finds those of a moment and costs next to nothing to
-- keep. The console looks up what a place's devices felt by it.
create index events_time on events using brin (time) with (pages_per_range = 32, autosummarize = on);

-- +goose Down
drop index events_time;
