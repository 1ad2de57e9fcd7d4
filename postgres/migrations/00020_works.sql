-- +goose Up

-- Who is responsible where: cities, districts, utilities, railways. Orders name their body by its name.
create table bodies (
    id        text primary key,
    name      text not null unique,
    parent    text references bodies,
    external  boolean not null default false,  -- works on its own: orders are handed over to it
    classes   text[] not null default '{}',    -- classes of place that are its own; empty: all
    streets   text[] not null default '{}',    -- classes of street (highway=); empty: all
    shape     bytea,                           -- WKB MultiPolygon, lon lat; null: everywhere
    area_m2   double precision not null default 'infinity',
    min_lat   double precision not null default -90,
    min_lon   double precision not null default -180,
    max_lat   double precision not null default 90,
    max_lon   double precision not null default 180
);

-- Who goes there. Members are people of the access package, by their id.
create table crews (
    id         text primary key,
    name       text not null unique,
    body       text not null default '',
    closed_at  timestamptz                     -- null: it works
);
create table crew_members (
    crew    text not null references crews on delete cascade,
    person  text not null,
    primary key (crew, person)
);
create index crew_members_person on crew_members (person);

alter table orders
    alter column place drop not null,          -- null: a dispatcher has split it off another
    add column version       bigint not null default 1, -- counts what people and the crowd did to it
    add column street_class  text not null default '',  -- the value of highway=
    add column crew          text references crews,
    add column handed_at     timestamptz,      -- to the body, which works on its own
    add column taken_at      timestamptz,      -- the body has accepted it
    add column lat           double precision, -- where a dispatcher says that it is; null: where the place is
    add column lon           double precision,
    add column cell          bigint,
    add column duplicate_of  text references orders,
    add column split_from    text references orders,
    add column recurs        text references orders,    -- the earlier order that was repaired here within a year
    add column failed        boolean not null default false, -- that repair did not hold
    add column clock_from    timestamptz,      -- when its deadline began to run: promotion, or the last reopening
    add column due_at        timestamptz,
    add column warned_at     timestamptz,
    add column overdue_at    timestamptz,
    add column escalated_at  timestamptz,
    add column priority      smallint not null default 0, -- 0 to 100, the sum of its parts
    add column parts         smallint[] not null default '{0,0,0,0,0}'; -- severity, traffic, age, deadline, street
update orders set clock_from = promoted_at;
create index orders_queue on orders (priority desc, seq) where state not in ('repaired', 'verified', 'dismissed');
create index orders_worst on orders (priority desc, seq);
create index orders_crew on orders (crew) where crew is not null;
create index orders_due on orders (due_at) where state not in ('repaired', 'verified', 'dismissed');
create index orders_placeless on orders (lat, lon) where lat is not null;
create index orders_cell on orders (cell) where cell is not null;

-- Everything that was ever done to an order, for the console and the audit: who did it is in here and nowhere else. The public
-- story is order_steps.
create table order_actions (
    n         bigint generated always as identity primary key,
    order_id  text not null references orders on delete cascade,
    version   bigint not null,                 -- of the order, after it
    at        timestamptz not null,
    kind      text not null,
    actor     text not null,
    person    text not null default '',
    state     text not null,                   -- of the order, after it
    reason    text not null default '',
    words     jsonb not null default '{}',     -- what it was about: crew, body, class, verdict, costs …
    before    jsonb,                           -- the order as it was, for who takes it back
    batch     text not null default '',        -- what was done in one stroke is taken back in one
    key       text,                            -- the sender's name for it: sent twice, it is done once
    undone    boolean not null default false
);
create index order_actions_order on order_actions (order_id, n);
create unique index order_actions_version on order_actions (order_id, version) where kind not in ('warned', 'overdue', 'escalated');
create unique index order_actions_key on order_actions (key) where key is not null;
create index order_actions_person on order_actions (person, n desc) where person <> '';
insert into order_actions (order_id, version, at, kind, actor, state)
    select id, 1, promoted_at, 'promoted', 'crowd', 'new' from orders;

-- The review list's decisions.
alter table reviews
    add column decided_at  timestamptz,
    add column decision    text not null default '', -- ordered, or the verdict of a dismissal
    add column person      text not null default '';

-- The city's working time, and within how much of it a defect is to be repaired: of the rules that fit, the shortest counts.
create table works (
    single          boolean primary key default true check (single),
    time_zone       text not null default 'UTC',
    soon_hours      real not null default 9,   -- of working time: a deadline that is nearer is due soon
    escalate_hours  real not null default 9,   -- of working time after the deadline
    undo_minutes    real not null default 10
);
insert into works default values;
create table work_hours (
    weekday  smallint not null check (weekday between 0 and 6), -- 0: Sunday
    opens    smallint not null check (opens between 0 and 1440), -- minutes since midnight, local
    closes   smallint not null check (closes between 0 and 1440 and closes > opens),
    primary key (weekday, opens)
);
insert into work_hours select d, 7 * 60, 16 * 60 from generate_series(1, 5) d;
create table holidays (
    day   date primary key,
    name  text not null default ''
);
create table deadline_rules (
    class          text not null default '',   -- of place; empty: any
    street         text not null default '',   -- main, collector, local, path; empty: any
    severity_from  real not null default 0,
    hours          real not null check (hours > 0), -- of working time
    primary key (class, street, severity_from)
);
insert into deadline_rules (street, severity_from, hours) values
    ('', 0, 90), ('', 0.4, 45), ('', 0.7, 18), ('', 0.85, 9), ('main', 0.4, 18), ('main', 0.7, 9), ('path', 0.4, 27);

-- A dispatcher's views, by name.
create table saved_views (
    person  text not null,
    name    text not null,
    query   text not null,                     -- as in the address of the console
    primary key (person, name)
);

-- +goose Down
drop table saved_views, deadline_rules, holidays, work_hours, works;
alter table reviews drop column decided_at, drop column decision, drop column person;
drop table order_actions;
delete from orders where place is null;
alter table orders
    alter column place set not null,
    drop column version, drop column street_class, drop column crew, drop column handed_at, drop column taken_at, drop column lat, drop column lon,
    drop column cell, drop column duplicate_of, drop column split_from, drop column recurs, drop column failed, drop column clock_from,
    drop column due_at, drop column warned_at, drop column overdue_at, drop column escalated_at, drop column priority, drop column parts;
drop table crew_members, crews, bodies;
