-- +goose Up

-- What the works department often replies to the public, by language. {number}, {street}, {class} and {day} are filled in with the order's.
create table reply_templates (
    id       text primary key check (id ~ '^[a-z0-9-]{1,40}$'),
    place    integer not null default 0,       -- in the list
    titles   jsonb not null,                   -- by language: en, de
    texts    jsonb not null,
    states   text[] not null default '{}',     -- of orders that it is offered for; none: all
    classes  text[] not null default '{}',
    version  bigint not null default 1         -- how often it was changed; who changes it says which one they saw
);
insert into reply_templates (id, place, titles, texts, states, classes) values
    ('received', 1, '{"en": "We have it", "de": "Wir haben es aufgenommen"}',
     '{"en": "Thank you. We have looked at this and put it on our list as order {number}.", "de": "Danke. Wir haben uns das angesehen und als Auftrag {number} aufgenommen."}',
     '{new,accepted,reopened}', '{}'),
    ('planned', 2, '{"en": "It is to be repaired by a day", "de": "Bis zu einem Tag soll es repariert sein"}',
     '{"en": "{class} at {street}: it is to be repaired by {day}.", "de": "{class}, {street}: Bis {day} soll es repariert sein."}',
     '{accepted,assigned,in_progress,reopened}', '{}'),
    ('crew', 3, '{"en": "A crew has it", "de": "Ein Trupp hat es übernommen"}',
     '{"en": "A crew has this order and is to come by {day}.", "de": "Ein Trupp hat diesen Auftrag und kommt bis {day}."}',
     '{assigned,in_progress}', '{}'),
    ('longer', 4, '{"en": "It takes longer", "de": "Es dauert länger"}',
     '{"en": "The repair takes longer than planned. Order {number} stays open until it is done.", "de": "Die Reparatur dauert länger als geplant. Auftrag {number} bleibt offen, bis sie erledigt ist."}',
     '{accepted,assigned,in_progress,reopened}', '{}'),
    ('repaired', 5, '{"en": "It is repaired", "de": "Es ist repariert"}',
     '{"en": "It was repaired on {day}. What drives over it now shows whether the repair holds.", "de": "Es wurde am {day} repariert. Was jetzt darüberfährt, zeigt, ob die Reparatur hält."}',
     '{repaired,verified}', '{}'),
    ('nothing', 6, '{"en": "Nothing was found", "de": "Es wurde nichts gefunden"}',
     '{"en": "On {day} we found nothing at {street} that can be repaired. Tell us if it is still there.", "de": "Am {day} haben wir dort nichts gefunden, was repariert werden kann ({street}). Sagen Sie es uns, wenn es noch da ist."}',
     '{dismissed}', '{}'),
    ('others', 7, '{"en": "Others are responsible", "de": "Andere sind zuständig"}',
     '{"en": "This is not the city’s to repair. We have passed it on to those who are responsible.", "de": "Das repariert nicht die Stadt. Wir haben es an die Zuständigen weitergegeben."}',
     '{assigned,dismissed}', '{}');

-- +goose Down
drop table reply_templates;
