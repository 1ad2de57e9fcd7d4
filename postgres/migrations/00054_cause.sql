-- +goose Up
alter table webhook_deliveries add column cause text not null default ''; -- of error, as notices names causes
alter table mails add column cause text not null default '';

-- +goose Down
alter table mails drop column cause;
alter table webhook_deliveries drop column cause;
