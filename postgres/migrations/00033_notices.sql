-- +goose Up

-- Mails are sent by jobs (river_job). A mail that was given up keeps its address and text for a month, so that it can be sent again by hand.
alter table mails
    add column job          bigint,                     -- that sends it; null: none yet
    add column given_up_at  timestamptz,
    add column stop         text not null default '';   -- address of the page that stops such mails; empty: there is none
drop index mails_due;
alter table mails drop column due_at;
create index mails_waiting on mails (id) where sent_at is null;

-- Where a body wants to be told of deadlines, and in which language.
alter table bodies
    add column email     text not null default '',
    add column language  text not null default '';

-- Addresses of other programs that are told what happens (Standard Webhooks).
create table webhooks (
    id            text primary key,
    url           text not null,
    name          text not null,
    kinds         text[] not null,                      -- of happenings; empty: all
    secret        bytea not null,                       -- that signs: it must be known in clear
    old_secret    bytea,                                -- signs as well, until old_until
    old_until     timestamptz,
    created_at    timestamptz not null,
    disabled_at   timestamptz,
    disabled_why  text not null default ''              -- hand, gone (it has answered 410)
);

-- What they are told, as it is sent.
create table webhook_messages (
    id       text primary key,                          -- webhook-id
    kind     text not null,
    at       timestamptz not null,
    payload  text not null
);
create index webhook_messages_at on webhook_messages (at);

-- One message to one of them.
create table webhook_deliveries (
    id           bigint generated always as identity primary key,
    webhook      text not null references webhooks on delete cascade,
    message      text not null references webhook_messages on delete cascade,
    job          bigint,                                -- that delivers it
    state        text not null,                         -- waiting, delivered, given_up
    tries        integer not null default 0,
    status       integer not null default 0,            -- of the last answer; 0: there was none
    error        text not null default '',
    took_ms      integer not null default 0,
    created_at   timestamptz not null,
    tried_at     timestamptz,
    next_at      timestamptz                            -- when it is tried again; null: it is not
);
create index webhook_deliveries_webhook on webhook_deliveries (webhook, id desc);
create index webhook_deliveries_message on webhook_deliveries (message);
create index webhook_deliveries_open on webhook_deliveries (id) where state <> 'delivered';

-- +goose Down
drop table webhook_deliveries, webhook_messages, webhooks;
alter table bodies drop column email, drop column language;
alter table mails add column due_at timestamptz not null default now();
create index mails_due on mails (due_at) where sent_at is null;
drop index mails_waiting;
alter table mails drop column job, drop column given_up_at, drop column stop;
