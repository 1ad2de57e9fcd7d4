-- +goose Up

-- What a resident can report, in the order of the form. None is ever deleted: reports name them.
create table report_categories (
    id        text primary key check (id ~ '^[a-z0-9-]{1,40}$'),
    place     integer not null,                -- in the form
    en        text not null check (char_length(en) between 1 and 60),
    de        text not null check (char_length(de) between 1 and 60),
    class     text not null default '',        -- of place, that a report is evidence for; empty: of none
    retired   boolean not null default false   -- no longer offered
);
insert into report_categories (id, place, en, de, class) values
    ('pothole', 1, 'Pothole or broken surface', 'Schlagloch oder kaputte Decke', 'pothole'),
    ('casting', 2, 'Sunken or raised manhole', 'Abgesenkter oder vorstehender Schacht', 'casting'),
    ('joint', 3, 'Broken joint, bridge or rails', 'Kaputte Fuge, Brücke oder Schiene', 'joint'),
    ('other', 4, 'Something else in the road', 'Etwas anderes auf der Straße', '');
-- One row: how often they were changed. Whoever changes them says which version they saw.
create table report_form (
    single   boolean primary key default true check (single),
    version  bigint not null default 1
);
insert into report_form default values;

-- +goose Down
drop table report_form, report_categories;
