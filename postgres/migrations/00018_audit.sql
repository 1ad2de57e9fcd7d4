-- +goose Up

-- What people did, for ever: rows are added, never changed or deleted. It names people by their ids, which mean nothing
-- once an account is deleted.
create table audit (
    n       bigint generated always as identity primary key,
    at      timestamptz not null,
    person  text not null,                     -- who did it; empty: the command line, or nobody who is known
    action  text not null,                     -- as in "person.role"
    what    text not null,                     -- what it was done to: an id
    detail  text not null default ''
);
create index audit_person on audit (person, n);
create index audit_what on audit (what, n);
create index audit_action on audit (action, n);
-- +goose StatementBegin
create function audit_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only added to';
end $$;
-- +goose StatementEnd
create trigger audit_stays before update or delete or truncate on audit for each statement execute function audit_stays();

-- +goose Down
drop table audit;
drop function audit_stays;
