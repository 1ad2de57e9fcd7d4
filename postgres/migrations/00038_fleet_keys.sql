-- +goose Up

-- A key of the scope fleet sees and revokes the devices of this fleet, and may nothing else: a bus company's, for its buses.
alter table api_keys add column fleet text not null default '' check ((fleet <> '') = ('fleet' = any (scopes)));

-- +goose Down
alter table api_keys drop column fleet;
