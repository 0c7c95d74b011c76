-- migrate:up

-- What a session was begun with, as its browser named itself; shown to its owner, who decides nothing else by it.
alter table session add column user_agent text check (length(user_agent) between 1 and 300);

-- migrate:down
alter table session drop column user_agent;
